//! The text of a consentry.yaml with which a draft can be served on this host.

use super::yaml;

/// What a drafted deployment names. Paths start from the file's folder.
#[derive(Clone, Copy, Debug)]
pub struct Deployment<'a> {
    /// The upstream's name.
    pub upstream: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// Who runs it, by a name of organisation.yaml.
    pub recipient: &'a str,
    /// The port on loopback.
    pub port: u16,
    /// The certificate chain.
    pub certificate: &'a str,
    /// Its key.
    pub key: &'a str,
    /// The issuer's secret.
    pub secret: &'a str,
    /// The master key.
    pub master: &'a str,
}

/// Drafts consentry.yaml.
pub fn deployment(deployment: &Deployment<'_>) -> String {
    let Deployment { upstream, url, recipient, port, certificate, key, secret, master } = *deployment;
    format!(
        "# yaml-language-server: $schema=policies/schema/consentry.schema.json\n\
         # Drafted for this host: development certificates and an issuer of development tokens, which serve loopback\n\
         # listeners only. docs/guide/deploying.md says what to put in their place.\n\
         listeners:\n  - {{ https: \"127.0.0.1:{port}\", certificate: {}, key: {} }}\n\
         admin: {{ socket: run/admin.sock }}\n\
         upstreams:\n  {}: {{ url: {}, recipient: {} }}\n\
         issuers:\n  - {{ issuer: \"https://issuer.demo.invalid\", secret_file: {}, audience: consentry, algorithms: [HS256], namespace: customers }}\n\
         keys: {{ file: {} }}\n\
         store: {{ sqlite: data/consentry.db, keyring: data/keys.db }}\n\
         policies: policies\n",
        yaml::quoted(certificate),
        yaml::quoted(key),
        yaml::scalar(upstream),
        yaml::quoted(url),
        yaml::scalar(recipient),
        yaml::quoted(secret),
        yaml::quoted(master),
    )
}
