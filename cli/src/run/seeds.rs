//! Objects to create in the local API server before the first step (`--object`).

use std::collections::BTreeSet;

use gleaner_core::document::{Cursor, Diagnostics, Finding, Node, Source};
use gleaner_core::task::site::{given_name, kind_of};
use gleaner_local_apiserver::SeedError;
use gleaner_proto::exit_code;

use super::cluster::Cluster;
use crate::args::Run;
use crate::failure::Failure;
use crate::files;
use crate::terminal;

/// The parsed files from `--object`.
#[derive(Debug, Default)]
pub(crate) struct Seeds(Vec<Source>);

impl Seeds {
    /// Reads the files given with `--object`.
    ///
    /// # Errors
    /// Prints the errors and returns the exit code.
    pub(crate) fn read(options: &Run) -> Result<Self, u8> {
        let usage = |message: &str| Err(Failure::usage(message).print());
        if options.objects.is_empty() {
            return Ok(Self::default());
        }
        if options.context.is_some() || options.kubeconfig.is_some() {
            return usage(
                "--object works only with the local API server, but --context and --kubeconfig select a real cluster; \
                 create the objects with `kubectl`",
            );
        }
        let task = options.task.files();
        let files = task.iter().chain(&options.objects);
        if files.filter(|file| *file == "-").count() > 1 {
            return usage("standard input can be read only once; use '-' for only one file");
        }
        let seeds = Self(files::read_with_directories(&options.objects)?);
        if seeds.documents().is_empty() {
            return usage("the files of --object contain no objects");
        }
        let mut findings = Vec::new();
        for (source, node) in seeds.documents() {
            let (root, mut found) = (Cursor::root(node), Diagnostics::default());
            root.required("apiVersion", "v1", &mut found);
            root.required("kind", "ConfigMap", &mut found);
            let found = found.into_vec().into_iter();
            findings.extend(found.map(|one| Finding::error(&*source.name, one)));
        }
        terminal::print_findings(&findings);
        match findings.is_empty() {
            true => Ok(seeds),
            false => Err(exit_code::DECLARATION),
        }
    }

    /// Returns the documents. CRDs and Namespaces come first, because other objects may require them.
    fn documents(&self) -> Vec<(&Source, &Node)> {
        let of_source = |source| move |node| (source, node);
        let documents = self.0.iter();
        let documents = documents.flat_map(|source| source.documents.iter().map(of_source(source)));
        let mut documents: Vec<(&Source, &Node)> = documents.collect();
        let is_first = |node| ["CustomResourceDefinition", "Namespace"].contains(&kind_of(node));
        documents.sort_by_key(|(_, node)| !is_first(node));
        documents
    }

    /// Returns the names of the Namespaces among the objects.
    pub(crate) fn namespaces(&self) -> BTreeSet<&str> {
        let documents = self.documents().into_iter();
        let namespaces = documents.filter(|(_, node)| kind_of(node) == "Namespace");
        namespaces
            .filter_map(|(_, node)| given_name(node))
            .collect()
    }

    /// Creates the objects. Returns an error for each object that the API server refuses.
    pub(crate) fn create(&self, cluster: &Cluster) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (source, node) in self.documents() {
            let root = Cursor::root(node);
            let diagnostic = match cluster.seed(node.to_json()) {
                Ok(()) => continue,
                Err(SeedError::UnknownKind { api_version, kind }) => {
                    let message =
                        format!("the local API server does not serve kind {kind} of {api_version}");
                    let field = root.field("kind").unwrap_or(root);
                    field
                        .diagnostic(message)
                        .help("pass the kind's CRD with --crd FILE")
                }
                Err(SeedError::Refused(message)) => root.diagnostic(message),
            };
            findings.push(Finding::error(&*source.name, diagnostic));
        }
        findings.sort_by(|one, other| {
            let by = |found: &Finding| (found.file.clone(), found.diagnostic.at);
            by(one).cmp(&by(other))
        });
        findings
    }
}
