//! What is wrong with a set of files: everything at once, each with its place, and how to mend it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, SourceSpan};

use super::codes::{Code, Severity};

/// A place in a file, in bytes of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which file of the [`Sources`].
    pub source: u32,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// For what no file says, and of which nothing is reported.
    pub const NOWHERE: Self = Self { source: 0, start: 0, end: 0 };
}

/// A value, and where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value to its place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// The files that were read, for showing places.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name as the reader of a diagnostic knows it.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
}

impl Sources {
    /// Adds a file; spans in it have the number that is returned.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> u32 {
        self.files.push(Source { name: name.into(), text: text.into() });
        u32::try_from(self.files.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The file of this number.
    pub fn source(&self, number: u32) -> Option<&Source> {
        self.files.get(usize::try_from(number).ok()?)
    }

    /// The text at a place.
    pub fn text(&self, span: Span) -> &str {
        self.source(span.source).and_then(|source| source.text.get(span.start..span.end)).unwrap_or_default()
    }

    /// File, line and column of a place; lines and columns count from one, columns in characters.
    pub fn place(&self, span: Span) -> Option<(&str, usize, usize)> {
        let Place { file, start: (line, column), .. } = self.range(span)?;
        Some((file, line, column))
    }

    /// The same with the end.
    pub fn range(&self, span: Span) -> Option<Place<'_>> {
        let source = self.source(span.source)?;
        let position = |at: usize| {
            let before = source.text.get(..at)?;
            let line = before.matches('\n').count() + 1;
            Some((line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1))
        };
        Some(Place { file: &source.name, start: position(span.start)?, end: position(span.end)? })
    }
}

/// A place for people: lines and columns count from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'s> {
    /// The file's name.
    pub file: &'s str,
    /// Line and column of the first character.
    pub start: (usize, usize),
    /// Line and column behind the last.
    pub end: (usize, usize),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What it is about.
    pub code: Code,
    /// Where; `None` for what has no place, such as a folder.
    pub span: Option<Span>,
    /// One sentence on what is wrong.
    pub message: String,
    /// One sentence on how to mend it.
    pub help: String,
}

impl Diagnostic {
    /// A diagnostic at a place.
    pub fn new(code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, span: Some(span), message: message.into(), help: help.into() }
    }

    /// A diagnostic of something that has no place in a text.
    pub fn nowhere(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, span: None, message: message.into(), help: help.into() }
    }
}

/// All that is wrong with a set of files, in the order of files and places, each finding once.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    sources: Arc<Sources>,
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorts findings by their places.
    pub fn new(sources: Arc<Sources>, mut found: Vec<Diagnostic>) -> Self {
        found.sort_by(|one, other| {
            (one.span, one.code, &one.message).cmp(&(other.span, other.code, &other.message))
        });
        found.dedup();
        Self { sources, found }
    }

    /// The findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// The files that they speak of.
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// The text for people: each finding with the lines it speaks of, underlined, and how many there are.
    pub fn render(&self, colours: bool) -> String {
        Self::render_all(&[self], colours)
    }

    /// The same of the files of several, counted together.
    pub fn render_all(all: &[&Self], colours: bool) -> String {
        let mut text: String = all.iter().map(|one| one.findings(colours)).collect();
        let counted =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (errors, warnings) = all
            .iter()
            .fold((0, 0), |(errors, warnings), one| (errors + one.errors(), warnings + one.warnings()));
        text.push_str(&format!("{}, {}\n", counted(errors, "error"), counted(warnings, "warning")));
        text
    }

    fn findings(&self, colours: bool) -> String {
        let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
        let mut text = String::new();
        for diagnostic in &self.found {
            let view = View { diagnostic, source: self.named_source(diagnostic) };
            if handler.render_report(&mut text, &view).is_err() {
                text.push_str(&diagnostic.message);
            }
            text.push('\n');
        }
        text
    }

    fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|found| found.code.severity() == severity).count()
    }

    fn named_source(&self, diagnostic: &Diagnostic) -> Option<NamedSource<Arc<str>>> {
        let source = self.sources.source(diagnostic.span?.source)?;
        Some(NamedSource::new(&source.name, Arc::clone(&source.text)))
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.iter()
    }
}

/// A line for each finding, for logs.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, found) in self.found.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if let Some((file, line, column)) = found.span.and_then(|span| self.sources.place(span)) {
                write!(f, "{file}:{line}:{column}: ")?;
            }
            write!(f, "{} {} {}", found.code.code(), found.message, found.help)?;
        }
        Ok(())
    }
}

impl Error for Diagnostics {}

/// A finding as miette shows it.
#[derive(Debug)]
struct View<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<Arc<str>>>,
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.code.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let Diagnostic { help, code, .. } = self.diagnostic;
        Some(Box::new(format!("{help}\nmore: consentry check --explain {}", code.code())))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.diagnostic.span?;
        let span = SourceSpan::from((span.start, span.end.saturating_sub(span.start)));
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(
            Some(self.diagnostic.code.title().to_owned()),
            span,
        ))))
    }
}
