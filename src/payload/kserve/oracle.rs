//! The slow and obvious way to do what the walk does: the body as `serde_json` reads it, all its tensors with all their
//! elements, and what becomes of each.

use super::datatype::Datatype;
use crate::payload::acting::{Acting, Told};
use crate::payload::json::oracle::{Tree, meaning};
use crate::payload::{FieldId, Kind, Path, Row, Step, Treated, Value, Visitor as _};

/// Keys with their tokens.
type Parameters = Vec<(String, String)>;

/// A body, taken apart. Tokens are as they are spelled.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body {
    pub(super) id: Option<String>,
    pub(super) model: Vec<(String, String)>,
    pub(super) parameters: Parameters,
    pub(super) tensors: Vec<Tensor>,
    pub(super) outputs: Option<Vec<(String, Parameters)>>,
    /// How many things no policy declares.
    pub(super) undeclared: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) datatype: String,
    pub(super) shape: Vec<usize>,
    pub(super) parameters: Parameters,
    pub(super) nested: bool,
    pub(super) binary: bool,
    /// Tokens of JSON, or bytes in binary.
    pub(super) elements: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    Token(String),
    Bytes(Vec<u8>),
}

type Members = Vec<(String, Tree)>;

fn members(tree: &Tree) -> Result<Members, String> {
    match tree {
        Tree::Object(members) => Ok(members.clone()),
        _ => Err("no object".into()),
    }
}

fn elements(tree: &Tree) -> Result<Vec<Tree>, String> {
    match tree {
        Tree::Array(elements) => Ok(elements.clone()),
        _ => Err("no array".into()),
    }
}

fn raw(tree: &Tree) -> Result<String, String> {
    match tree {
        Tree::Scalar(raw) => Ok(raw.clone()),
        _ => Err("no scalar".into()),
    }
}

fn text(tree: &Tree) -> Result<String, String> {
    serde_json::from_str(&raw(tree)?).map_err(|error| error.to_string())
}

fn is_null(tree: &Tree) -> bool {
    *tree == Tree::Scalar("null".into())
}

/// Reads a body. `list` is the key of the tensors, `known` the names of declared ones, `declared` those of parameters.
pub(super) fn read(
    bytes: &[u8],
    json_length: Option<usize>,
    list: &str,
    known: &[&str],
    declared: &[&str],
    asked: &[&str],
) -> Result<Body, String> {
    let (json, mut rest) = bytes.split_at_checked(json_length.unwrap_or(bytes.len())).ok_or("short")?;
    let mut body = Body::default();
    let mut found = None;
    let plain = regex::Regex::new(r#"^"[A-Za-z0-9._:/-]{1,64}"$"#).unwrap();
    for (key, value) in members(&Tree::read(json)?)? {
        match key.as_str() {
            "id" => body.id = Some(raw(&value)?),
            "parameters" if is_null(&value) => {}
            "parameters" => {
                let known = ["binary_data_output"];
                let known = if list == "inputs" { &known[..] } else { &[] };
                body.parameters = parameters(&value, known, declared, &mut body.undeclared)?;
            }
            key if key == list => found = Some(elements(&value)?),
            "outputs" if is_null(&value) => {}
            "outputs" => {
                let mut outputs = Vec::new();
                for output in elements(&value)? {
                    let (mut name, mut own) = (None, Vec::new());
                    for (key, value) in members(&output)? {
                        match key.as_str() {
                            "name" => name = Some(text(&value)?),
                            "parameters" if is_null(&value) => {}
                            "parameters" => {
                                own = parameters(&value, &["binary_data"], declared, &mut body.undeclared)?;
                            }
                            _ => body.undeclared += 1,
                        }
                    }
                    let name = name.ok_or("no name")?;
                    if asked.contains(&&*name) { outputs.push((name, own)) } else { body.undeclared += 1 }
                }
                body.outputs = Some(outputs);
            }
            "model_name" | "model_version" if list == "outputs" => {
                if !is_null(&value) {
                    match raw(&value) {
                        Ok(raw) if plain.is_match(&raw) => body.model.push((key, raw)),
                        _ => body.undeclared += 1,
                    }
                }
            }
            _ => body.undeclared += 1,
        }
    }
    let mut names: Vec<String> = Vec::new();
    for tensor in found.ok_or("no tensors")? {
        let tensor = self::tensor(&tensor, &mut rest, known, declared, &mut body.undeclared)?;
        if names.contains(&tensor.name) {
            return Err("twice".into());
        }
        names.push(tensor.name.clone());
        if known.contains(&&*tensor.name) { body.tensors.push(tensor) } else { body.undeclared += 1 }
    }
    if json_length.is_some() && !rest.is_empty() {
        return Err("binary data is left".into());
    }
    Ok(body)
}

fn parameters(
    tree: &Tree,
    known: &[&str],
    declared: &[&str],
    undeclared: &mut usize,
) -> Result<Parameters, String> {
    let mut passed = Vec::new();
    for (key, value) in members(tree)? {
        let coding =
            key == "content_type" && matches!(text(&value).as_deref(), Ok("np" | "pd" | "str" | "datetime"));
        if declared.contains(&&*key) || known.contains(&&*key) || coding {
            passed.push((key, raw(&value)?));
        } else {
            *undeclared += 1;
        }
    }
    Ok(passed)
}

fn tensor(
    tree: &Tree,
    rest: &mut &[u8],
    known: &[&str],
    declared: &[&str],
    undeclared: &mut usize,
) -> Result<Tensor, String> {
    let (mut name, mut datatype, mut shape, mut data) = (None, None, None, None);
    let mut own = Vec::new();
    for (key, value) in members(tree)? {
        match key.as_str() {
            "name" => name = Some(text(&value)?),
            "datatype" => datatype = Some(text(&value)?),
            "shape" => {
                let size = |tree: &Tree| raw(tree)?.parse::<usize>().map_err(|error| error.to_string());
                shape = Some(elements(&value)?.iter().map(size).collect::<Result<Vec<_>, _>>()?);
            }
            "parameters" if is_null(&value) => {}
            "parameters" => own = parameters(&value, &["binary_data_size"], declared, undeclared)?,
            "data" => data = Some(value),
            _ => *undeclared += 1,
        }
    }
    let (name, datatype) = (name.ok_or("no name")?, datatype.ok_or("no datatype")?);
    let kind = Datatype::named(&datatype).ok_or("no such datatype")?;
    let shape = shape.ok_or("no shape")?;
    let count: usize = shape.iter().product();
    let size = own.iter().position(|(key, _)| key == "binary_data_size").map(|at| own.remove(at).1);
    let mut nested = false;
    let is_known = known.contains(&&*name);
    let elements = match (&data, &size) {
        // What goes as a whole is not taken apart.
        (Some(_), None) if !is_known => Vec::new(),
        (None, Some(size)) if !is_known => {
            *rest = rest.get(size.parse().map_err(|_| "no size")?..).ok_or("short")?;
            Vec::new()
        }
        (Some(data), None) => {
            let mut tokens = Vec::new();
            let outer = elements(data)?;
            nested = outer.iter().any(|element| matches!(element, Tree::Array(_)));
            if nested {
                flatten(data, &shape, &mut tokens)?
            } else {
                tokens = outer.iter().map(raw).collect::<Result<_, _>>()?
            }
            tokens.into_iter().map(Element::Token).collect()
        }
        (None, Some(size)) => {
            let size = size.parse().map_err(|_| "no size")?;
            let (mut bytes, behind) = rest.split_at_checked(size).ok_or("short")?;
            *rest = behind;
            let mut elements = Vec::new();
            while !bytes.is_empty() {
                let width = match kind.width() {
                    Some(width) => width,
                    None => 4 + u32::from_le_bytes(*bytes.first_chunk().ok_or("short")?) as usize,
                };
                let (element, behind) = bytes.split_at_checked(width).ok_or("short")?;
                elements.push(Element::Bytes(element.to_vec()));
                bytes = behind;
            }
            elements
        }
        _ => return Err("data twice or not at all".into()),
    };
    if is_known && elements.len() != count {
        return Err("another count".into());
    }
    Ok(Tensor { name, datatype, shape, parameters: own, nested, binary: size.is_some(), elements })
}

fn flatten(tree: &Tree, shape: &[usize], tokens: &mut Vec<String>) -> Result<(), String> {
    match (tree, shape) {
        (Tree::Scalar(raw), []) => tokens.push(raw.clone()),
        (Tree::Array(inner), [size, rest @ ..]) if inner.len() == *size => {
            inner.iter().try_for_each(|tree| flatten(tree, rest, tokens))?;
        }
        _ => return Err("another shape".into()),
    }
    Ok(())
}

/// What an element is: kind and text.
pub(super) fn means(datatype: Datatype, element: &Element) -> Option<(Kind, String)> {
    match element {
        Element::Token(raw) => Some(meaning(raw)),
        Element::Bytes(bytes) if datatype == Datatype::Bytes => {
            Some((Kind::String, String::from_utf8(bytes[4..].to_vec()).ok()?))
        }
        Element::Bytes(bytes) => {
            let mut text = String::new();
            datatype.spell(bytes, &mut text).map(|kind| (kind, text))
        }
    }
}

/// What should come out, and what the visitor should have been told. `None`: values that cannot stand together.
pub(super) fn treat(body: &Body, paths: &[Path], visitor: &mut Acting) -> Option<Body> {
    let place =
        |here: &[Step]| paths.iter().position(|path| path.steps() == here).map(|at| FieldId(at as u16));
    let member = |name: &str| Step::Member(name.into());
    let mut seen = Vec::new();
    let mut out = Body { model: body.model.clone(), ..Body::default() };
    let mut single = |of: &str, name: &str, raw: &str, visitor: &mut Acting| {
        let Some(field) = place(&[member(of), member(name)]) else {
            return (of == "parameters").then(|| raw.to_owned());
        };
        seen.push(field);
        let (kind, text) = meaning(raw);
        let mut new = String::new();
        match visitor.value(field, &[], Value { kind, text: &text }, &mut new).unwrap() {
            Treated::Kept => Some(raw.to_owned()),
            Treated::LeftOut => None,
            Treated::Replaced(kind) => Some(spelled(kind, &new)),
        }
    };
    out.id = body.id.as_deref().and_then(|raw| single("request", "id", raw, visitor));
    let mut list = |of: &[(String, String)], visitor: &mut Acting| {
        let treated =
            |(name, raw): &(String, String)| Some((name.clone(), single("parameters", name, raw, visitor)?));
        of.iter().filter_map(treated).collect::<Vec<_>>()
    };
    let mut fields = Vec::new();
    out.parameters = list(&body.parameters, visitor);
    for tensor in &body.tensors {
        let one = place(&[member(&tensor.name)]);
        let field = one.or(place(&[member(&tensor.name), Step::Every])).unwrap();
        fields.push(field);
        let treated = self::column(tensor, field, one.is_none(), visitor);
        let parameters = list(&tensor.parameters, visitor);
        let Some(mut treated) = treated? else { continue };
        let recoded = (treated.datatype == "BYTES") != (tensor.datatype == "BYTES");
        treated.parameters = parameters;
        let declared = place(&[member("parameters"), member("content_type")]).is_some();
        treated.parameters.retain(|(key, _)| !recoded || declared || key != "content_type");
        out.tensors.push(treated);
    }
    out.outputs = body
        .outputs
        .as_ref()
        .map(|outputs| outputs.iter().map(|(name, own)| (name.clone(), list(own, visitor))).collect());
    for field in (0..paths.len() as u16).map(FieldId) {
        if !fields.contains(&field) && !seen.contains(&field) {
            visitor.missing(field).unwrap();
        }
    }
    Some(out)
}

fn spelled(kind: Kind, text: &str) -> String {
    match kind {
        Kind::String => serde_json::to_string(text).unwrap(),
        Kind::Null => "null".into(),
        _ => text.into(),
    }
}

/// `Some(None)`: the column goes.
fn column(tensor: &Tensor, field: FieldId, many: bool, visitor: &mut Acting) -> Option<Option<Tensor>> {
    let came = Datatype::named(&tensor.datatype).unwrap();
    let per_row: usize = tensor.shape[1..].iter().product();
    /// An element that is written: as it came, or as it is now.
    enum New {
        Kept(Kind, String, Element),
        Made(Kind, String),
    }
    let mut new = Vec::new();
    let mut left = false;
    let nothing = || New::Made(Kind::Null, String::new());
    let mut rows = 0;
    let empty = |count: u32, new: &mut Vec<New>, rows: &mut usize| {
        new.extend((0..count as usize * per_row).map(|_| nothing()));
        *rows += count as usize;
    };
    for row in 0..tensor.shape[0] {
        match visitor.row(row as u32) {
            Row::LeftOut => continue,
            Row::After(count) => empty(count, &mut new, &mut rows),
            Row::Visited => {}
        }
        rows += 1;
        for (index, element) in tensor.elements[row * per_row..(row + 1) * per_row].iter().enumerate() {
            let (kind, text) = means(came, element).unwrap();
            let at = [row as u32, index as u32];
            let mut made = String::new();
            let value = Value { kind, text: &text };
            match visitor.value(field, if many { &at } else { &at[..1] }, value, &mut made).unwrap() {
                Treated::Kept => new.push(New::Kept(kind, text, element.clone())),
                Treated::LeftOut => left = true,
                Treated::Replaced(kind) => new.push(New::Made(kind, made)),
            }
        }
    }
    let wrote = new.iter().any(|new| !matches!(new, New::Made(Kind::Null, text) if text.is_empty()));
    empty(visitor.behind, &mut new, &mut rows);
    let class = |kind: Kind| match kind {
        Kind::String => 't',
        Kind::Boolean => 'b',
        _ => 'n',
    };
    let kinds: Vec<Kind> = new
        .iter()
        .map(|new| match new {
            New::Kept(kind, ..) | New::Made(kind, _) => *kind,
        })
        .collect();
    let classes: Vec<char> =
        kinds.iter().filter(|kind| **kind != Kind::Null).map(|kind| class(*kind)).collect();
    if classes.windows(2).any(|pair| pair[0] != pair[1]) {
        return None;
    }
    if left && !wrote || visitor.dropped.contains(&field.0) {
        return Some(None);
    }
    if left {
        return None;
    }
    let numbers = || {
        new.iter().filter_map(|new| match new {
            New::Made(kind @ (Kind::Integer | Kind::Number), text) => Some((*kind, text)),
            _ => None,
        })
    };
    let holds = |datatype: Datatype| numbers().all(|(kind, text)| datatype.with(kind, text) == datatype);
    let candidates = match (came, classes.first()) {
        (_, None) => vec![came],
        (_, Some('t')) => vec![Datatype::Bytes],
        (_, Some('b')) => vec![Datatype::Bool],
        (Datatype::Bytes | Datatype::Bool, _) => vec![Datatype::Int64, Datatype::Fp64],
        (Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64 | Datatype::Uint64, _) => {
            vec![came, Datatype::Fp64]
        }
        _ => vec![came, Datatype::Int64, Datatype::Fp64],
    };
    let last = *candidates.last().unwrap();
    let datatype = candidates.into_iter().find(|datatype| *datatype == last || holds(*datatype)).unwrap();
    let has_null = matches!(came, Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64);
    let nulls = new.iter().any(|new| matches!(new, New::Made(Kind::Null, _)));
    let binary = tensor.binary && datatype == came && (has_null || !nulls);
    let elements = new.into_iter().map(|new| match new {
        New::Kept(_, _, element @ Element::Bytes(_)) if binary => element,
        New::Kept(_, _, element @ Element::Token(_)) => element,
        New::Kept(kind, text, _) => Element::Token(spelled(kind, &text)),
        New::Made(kind, text) if binary => {
            let mut bytes = Vec::new();
            datatype.write(kind, &text, &mut bytes).unwrap();
            Element::Bytes(bytes)
        }
        New::Made(kind, text) => Element::Token(spelled(kind, &text)),
    });
    let elements: Vec<_> = elements.collect();
    let mut shape = tensor.shape.clone();
    shape[0] = rows;
    // Of no rows there is nothing to see that they would be arrays.
    let nested = tensor.nested && rows > 0;
    Some(Some(Tensor {
        datatype: datatype.word().into(),
        shape,
        nested,
        binary,
        elements,
        parameters: Vec::new(),
        ..tensor.clone()
    }))
}

/// What a visitor was told of values and of what is missing.
pub(super) fn told(visitor: &Acting) -> Vec<&Told> {
    visitor.told.iter().filter(|told| matches!(told, Told::Value(..) | Told::Missing(_))).collect()
}
