//! What the configuration of a mod may hold: for the check before it is used, and for the form it is edited with.

mod check;

use hotbed_configs::ResolvedConfig;
use serde_json::{Map, Value, json};

/// The fields of a mod's configuration, in sections as a form shows them. What is not among them is refused.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SettingsForm {
    /// The parts of the form.
    pub sections: Vec<Section>,
}

/// Fields that belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Tells sections apart.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What the fields are for.
    pub description: String,
    /// The fields, in the order of the form.
    pub fields: Vec<Field>,
}

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// What its value is for, with its unit.
    pub description: String,
    /// What its value must be.
    pub kind: FieldKind,
    /// What is used if it is not given; for the form, since the mod itself knows it too.
    pub default: Option<Value>,
    /// Whether it must be given.
    pub required: bool,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// Many lines of text.
    LongText,
    /// A text that is not shown.
    Password,
    /// A whole number from `min` to `max`.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number from `min` to `max`.
    Number {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Yes or no.
    Boolean,
    /// One of these texts.
    Select(Vec<String>),
    /// Some of these texts.
    MultiSelect(Vec<String>),
    /// A list of texts.
    List,
    /// An object, of which the mod knows more.
    Object,
}

/// Everything that is wrong with the configuration of a mod. No text of the configuration is in it: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its configuration does not fit: {}", problems.join("; "))]
pub struct ConfigFault {
    /// Each problem with its key.
    pub problems: Vec<String>,
}

impl Field {
    /// A field that need not be given.
    pub fn new(key: &str, label: &str, kind: FieldKind) -> Self {
        Self {
            key: key.to_owned(),
            label: label.to_owned(),
            description: String::new(),
            kind,
            default: None,
            required: false,
        }
    }

    /// The same with its purpose said.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    /// The same with what is used if it is not given.
    #[must_use]
    pub fn defaulting_to(mut self, default: impl Into<Value>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// The same, to be given always.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl SettingsForm {
    /// A form of one section.
    pub fn of(title: &str, fields: Vec<Field>) -> Self {
        let section = Section {
            id: "settings".to_owned(),
            title: title.to_owned(),
            fields,
            ..Section::default()
        };
        Self {
            sections: vec![section],
        }
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields)
    }

    /// Checks a configuration. Texts that came whole from a variable become the numbers and booleans that are wanted;
    /// all problems are told together. Pure.
    pub fn check(&self, config: &ResolvedConfig) -> Result<ResolvedConfig, ConfigFault> {
        let typed = config
            .typed(&self.to_json_schema())
            .map_err(|errors| ConfigFault {
                problems: errors.iter().map(ToString::to_string).collect(),
            })?;
        let problems = check::problems(self, typed.as_map());
        if problems.is_empty() {
            Ok(typed)
        } else {
            Err(ConfigFault { problems })
        }
    }

    /// The form as the settings page of OpenAgents reads it: `{"sections": [{id, title, description, fields}]}`.
    pub fn to_value(&self) -> Value {
        let sections = self.sections.iter().map(|section| {
            json!({
                "id": section.id,
                "title": section.title,
                "description": section.description,
                "fields": section.fields.iter().map(field_form).collect::<Vec<_>>(),
            })
        });
        json!({ "sections": sections.collect::<Vec<_>>() })
    }

    /// The same as a JSON Schema.
    pub fn to_json_schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .fields()
            .map(|field| (field.key.clone(), field.kind.json_schema()))
            .collect();
        let required: Vec<&str> = self
            .fields()
            .filter(|field| field.required)
            .map(|field| field.key.as_str())
            .collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

fn field_form(field: &Field) -> Value {
    let mut form = Map::new();
    let mut put = |key: &str, value: Value| form.insert(key.to_owned(), value);
    put("key", json!(field.key));
    put("type", json!(field.kind.as_str()));
    put("label", json!(field.label));
    put("required", json!(field.required));
    if !field.description.is_empty() {
        put("description", json!(field.description));
    }
    if let Some(default) = &field.default {
        put("default", default.clone());
    }
    match &field.kind {
        FieldKind::Integer { min, max } => {
            put("min", json!(min));
            put("max", json!(max));
        }
        FieldKind::Number { min, max } => {
            put("min", json!(min));
            put("max", json!(max));
        }
        FieldKind::Select(options) | FieldKind::MultiSelect(options) => {
            put("options", json!(options));
        }
        _ => {}
    }
    Value::Object(form)
}

impl FieldKind {
    /// The name of the kind on the settings page.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::LongText => "text",
            Self::Password => "password",
            Self::Integer { .. } | Self::Number { .. } => "number",
            Self::Boolean => "boolean",
            Self::Select(_) => "select",
            Self::MultiSelect(_) => "multiselect",
            Self::List => "list",
            Self::Object => "object",
        }
    }

    fn json_schema(&self) -> Value {
        match self {
            Self::Text | Self::LongText | Self::Password => json!({"type": "string"}),
            Self::Integer { min, max } => {
                json!({"type": "integer", "minimum": min, "maximum": max})
            }
            Self::Number { min, max } => json!({"type": "number", "minimum": min, "maximum": max}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Select(options) => json!({"type": "string", "enum": options}),
            Self::MultiSelect(options) => {
                json!({"type": "array", "items": {"type": "string", "enum": options}})
            }
            Self::List => json!({"type": "array", "items": {"type": "string"}}),
            Self::Object => json!({"type": "object"}),
        }
    }
}

#[cfg(test)]
mod tests;
