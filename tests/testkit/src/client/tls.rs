//! The TLS connection of a client that trusts only the given CAs.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

pub(crate) struct Stream {
    connection: ClientConnection,
    pub(crate) socket: TcpStream,
}

/// Completes the TLS handshake on `socket`. The server's certificate must be issued by one of the CAs in `trusted` (PEM), and be
/// valid for `name`.
pub(crate) fn connect(mut socket: TcpStream, trusted: &str, name: &str) -> io::Result<Stream> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        let authority = authority.map_err(io::Error::other)?;
        roots.add(authority).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(Stream { connection, socket })
}

/// Returns the certificate that the server presented.
pub(crate) fn certificate(stream: &Stream) -> Option<CertificateDer<'static>> {
    let presented = stream.connection.peer_certificates()?;
    Some(presented.first()?.clone().into_owned())
}

impl Read for Stream {
    /// Unlike [`rustls::Stream`], reads without first sending pending bytes. A server that refuses a body stops reading it, so
    /// sending the rest could fail, but the client must still read the response.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.connection.read_tls(&mut self.socket)?;
                    let processed = self.connection.process_new_packets();
                    processed.map_err(io::Error::other)?;
                }
                read => return read,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.connection, &mut self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(&mut self.connection, &mut self.socket).flush()
    }
}
