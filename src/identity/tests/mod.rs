mod api_keys;
mod jwks;
mod setup;
mod support;
mod tokens;
