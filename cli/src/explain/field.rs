//! A field of a JSON Schema.

use serde_json::{Map, Value};

/// A JSON Schema, or one of its fields. The schema must contain all referenced definitions in its `$defs`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    root: &'a Value,
    /// The field's own schema: its description, and its type or a reference to the type.
    own: &'a Value,
}

/// A value of an enumeration, with its description.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    pub(super) value: &'a str,
    pub(super) description: &'a str,
}

impl<'a> Field<'a> {
    pub(super) const fn root(root: &'a Value) -> Self {
        Self { root, own: root }
    }

    const fn of(self, own: &'a Value) -> Self {
        Self { own, ..self }
    }

    /// Returns the schema of the field's type. Follows references, and ignores null, which every optional field allows.
    fn target(self) -> Self {
        if let Some(reference) = self.own["$ref"].as_str() {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            return target.map_or(self, |target| self.of(target).target());
        }
        match self.options().as_slice() {
            [only] => only.target(),
            _ => self,
        }
    }

    /// Returns the alternatives of `anyOf`, except null.
    fn options(self) -> Vec<Self> {
        let options = self.own["anyOf"].as_array().into_iter().flatten();
        let present = options.filter(|option| option["type"] != "null");
        present.map(|option| self.of(option)).collect()
    }

    /// Returns the type as `kubectl explain` writes it, such as `[]string` or `map[string]string`.
    pub(super) fn type_name(self) -> String {
        let target = self.target();
        let options = target.options();
        if !options.is_empty() {
            let names: Vec<String> = options.into_iter().map(Self::type_name).collect();
            return names.join("|");
        }
        match target.json_type() {
            "array" => format!("[]{}", target.of(&target.own["items"]).type_name()),
            "object" if target.properties().is_some() => target.definition().to_owned(),
            "object" => match target.values() {
                Some(values) => format!("map[string]{}", values.type_name()),
                None => "object".to_owned(),
            },
            other => other.to_owned(),
        }
    }

    /// Returns the JSON type, or `any` if the schema specifies none.
    fn json_type(self) -> &'a str {
        match &self.own["type"] {
            Value::String(name) => name,
            Value::Array(names) => {
                let mut names = names.iter().filter_map(Value::as_str);
                names.find(|name| *name != "null").unwrap_or("any")
            }
            _ if self.own["oneOf"].is_array() => "string",
            _ => "any",
        }
    }

    /// Returns the object's name in `$defs`, or `object` if `$defs` does not define the object.
    fn definition(self) -> &'a str {
        let definitions = self.root["$defs"].as_object().into_iter().flatten();
        let mut same = definitions.filter(|(_, one)| std::ptr::eq(*one, self.own));
        same.next().map_or("object", |(name, _)| name)
    }

    /// Returns the schema of a map's values, or `None` if the values are arbitrary or this is not a map.
    fn values(self) -> Option<Self> {
        let values = &self.own["additionalProperties"];
        values.is_object().then(|| self.of(values))
    }

    fn properties(self) -> Option<&'a Map<String, Value>> {
        self.own["properties"].as_object()
    }

    /// Returns the schema that contains the subfields. For a list or map, this is the schema of its items or values.
    pub(super) fn object(self) -> Self {
        let target = self.target();
        if target.json_type() == "array" {
            return target.of(&target.own["items"]).object();
        }
        match target.values() {
            Some(values) => values.object(),
            None => target,
        }
    }

    /// Returns true if the field is a map. The keys of a map are not subfields.
    pub(super) fn is_map(self) -> bool {
        self.target().values().is_some()
    }

    /// Returns true if the object allows additional fields.
    pub(super) fn is_open(self) -> bool {
        let object = self.object().own;
        object["additionalProperties"] == true
    }

    /// Returns the names and schemas of the object's fields.
    pub(super) fn fields(self) -> impl Iterator<Item = (&'a str, Self)> {
        let object = self.object();
        let fields = object.properties().into_iter().flatten();
        fields.map(move |(name, own)| (name.as_str(), object.of(own)))
    }

    /// Returns true if the object requires the field `name`.
    pub(super) fn requires(self, name: &str) -> bool {
        let required = self.object().own["required"].as_array();
        required.is_some_and(|required| required.iter().any(|one| one == name))
    }

    /// Returns the descriptions of the field and its type.
    pub(super) fn descriptions(self) -> Vec<&'a str> {
        let mut found: Vec<&str> = Vec::new();
        for schema in [self.own, self.target().own, self.object().own] {
            let text = schema["description"].as_str();
            found.extend(text.filter(|text| !found.contains(text)));
        }
        found
    }

    /// Returns only the field's own description.
    pub(super) fn description(self) -> &'a str {
        self.own["description"].as_str().unwrap_or_default()
    }

    /// Returns the allowed values; an empty list if the type is not an enumeration.
    pub(super) fn choices(self) -> Vec<Choice<'a>> {
        let choices = self.target().own["oneOf"].as_array();
        let choice = |one: &'a Value| {
            Some(Choice {
                value: one["const"].as_str()?,
                description: one["description"].as_str().unwrap_or_default(),
            })
        };
        choices.into_iter().flatten().filter_map(choice).collect()
    }

    /// Returns the default and the constraints, as pairs of name and value.
    pub(super) fn constraints(self) -> Vec<(&'static str, String)> {
        const NAMES: [(&str, &str); 3] = [
            ("default", "DEFAULT"),
            ("pattern", "PATTERN"),
            ("maxLength", "MAXIMUM LENGTH"),
        ];
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let given = NAMES
            .iter()
            .filter_map(|(key, name)| Some((*name, text(self.own.get(key)?))));
        given.collect()
    }
}
