//! Statements, prepared once for each connection: preparing costs several times what running does.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension as _, Params, Row, Statement};

/// A connection and the statements prepared on it so far.
pub(super) struct Prepared<'c> {
    connection: &'c Connection,
    /// Few enough to look through; by address, since their texts are constants.
    statements: RefCell<Vec<(&'static str, Statement<'c>)>>,
}

impl<'c> Prepared<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, statements: RefCell::default() }
    }

    /// The connection, for a test to make it fail.
    #[cfg(test)]
    pub(super) const fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// How many rows it changed.
    pub(super) fn execute(&self, sql: &'static str, parameters: impl Params) -> rusqlite::Result<usize> {
        self.with(sql, |statement| statement.execute(parameters))
    }

    /// The row, if there is one.
    pub(super) fn row<T>(
        &self,
        sql: &'static str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.with(sql, |statement| statement.query_row(parameters, read).optional())
    }

    /// All rows.
    pub(super) fn rows<T>(
        &self,
        sql: &'static str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.with(sql, |statement| statement.query_map(parameters, read)?.collect())
    }

    fn with<T>(
        &self,
        sql: &'static str,
        run: impl FnOnce(&mut Statement<'c>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let known = {
            let mut statements = self.statements.borrow_mut();
            let at = statements.iter().position(|(known, _)| std::ptr::eq(*known, sql));
            at.map(|at| statements.swap_remove(at).1)
        };
        let mut statement = match known {
            Some(statement) => statement,
            None => self.connection.prepare(sql)?,
        };
        let answer = run(&mut statement);
        self.statements.borrow_mut().push((sql, statement));
        answer
    }
}
