//! The formats of bodies, by the names that policies give them.

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// One JSON document (RFC 8259).
    #[default]
    Json,
    /// A JSON document in each line.
    Ndjson,
    /// A header line and a line for each row (RFC 4180).
    Csv,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data` (RFC 7578).
    Multipart,
    /// What MLflow's scoring server takes and gives.
    Mlflow,
    /// The inference protocol that KServe, Triton and MLServer call V2.
    KserveV2,
    /// The REST interface of TensorFlow Serving.
    TfServing,
    /// OpenAI's chat completions.
    OpenaiChat,
    /// One text.
    Text,
}

impl Format {
    /// Every one there is.
    pub const ALL: &'static [Self] = &[
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Form,
        Self::Multipart,
        Self::Mlflow,
        Self::KserveV2,
        Self::TfServing,
        Self::OpenaiChat,
        Self::Text,
    ];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Form => "form",
            Self::Multipart => "multipart",
            Self::Mlflow => "mlflow",
            Self::KserveV2 => "kserve-v2",
            Self::TfServing => "tf-serving",
            Self::OpenaiChat => "openai-chat",
            Self::Text => "text",
        }
    }

    /// Whether a body is a list of rows, and a field's name means what each row has of it.
    pub const fn has_rows(self) -> bool {
        matches!(self, Self::Ndjson | Self::Csv | Self::Mlflow | Self::KserveV2 | Self::TfServing)
    }

    /// Whether a body is one JSON document, whatever stands in it.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Mlflow | Self::KserveV2 | Self::TfServing | Self::OpenaiChat)
    }

    /// The format of the answers to bodies of this one, where a policy names no other.
    pub const fn answers(self) -> Self {
        match self {
            Self::Form | Self::Multipart => Self::Json,
            other => other,
        }
    }

    /// What the head of a body must say, in a sentence to its sender.
    pub fn demand(self) -> String {
        let media = self.media_type();
        match self {
            Self::Multipart => format!(
                "Send Content-Type: {media}; boundary=…, with the boundary that stands between the parts; a client that makes the parts writes it itself."
            ),
            _ => format!("Send Content-Type: {media}; the charset is UTF-8."),
        }
    }

    /// The media type that its bodies are sent as.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Mlflow | Self::KserveV2 | Self::TfServing | Self::OpenaiChat => {
                "application/json"
            }
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data",
            Self::Text => "text/plain",
        }
    }
}
