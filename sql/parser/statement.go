package parser

import "github.com/freshetdb/freshet/sql/ast"

// statement reads one statement.
func (p *parser) statement() ast.Statement {
	if p.queryAhead() && !p.is("WITH") {
		return p.selectStatement()
	}
	t := p.tok()
	if t.kind == word {
		if read := p.reader(t.up); read != nil {
			return read()
		}
	}
	p.failStatement()
	return nil
}

// selectStatement reads a query with a canonical text of its own.
func (p *parser) selectStatement() *ast.Query {
	return p.fragment(p.query)
}

// statementWords begin statements: the candidates of a hint.
var statementWords = []string{
	"ABORT", "ALTER", "ANALYZE", "ASSERT", "BEGIN", "CALL", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COMMIT", "COPY", "CREATE",
	"DEALLOCATE", "DECLARE", "DEFINE", "DELETE", "DESCRIBE", "DISCARD", "DO", "DROP", "END", "EXECUTE", "EXPLAIN", "FETCH", "FLUSH",
	"GRANT", "INSERT", "KILL", "LIST", "LISTEN", "LOCK", "MOVE", "NOTIFY", "PAUSE", "PREPARE", "PRINT", "REFRESH", "REINDEX", "RELEASE",
	"RESET", "RESUME", "REVOKE", "ROLLBACK", "RUN", "SAVEPOINT", "SELECT", "SET", "SHOW", "SPOOL", "START", "TABLE", "TERMINATE",
	"TRUNCATE", "UNDEFINE", "UNLISTEN", "UNSET", "UPDATE", "USE", "VACUUM", "VALUES", "WAIT", "WITH",
}

func (p *parser) failStatement() {
	err := p.unexpected(p.tok()).WithDetail("expected a statement")
	p.giveUp(err, p.nearest(p.i, statementWords))
}

// reader is who reads the statements that begin with a word.
func (p *parser) reader(up string) func() ast.Statement {
	switch up {
	case "CREATE":
		return p.create
	case "DROP":
		return p.drop
	case "ALTER":
		return p.alter
	case "WITH":
		return p.withStatement
	case "INSERT":
		return func() ast.Statement { return p.insert(nil) }
	case "UPDATE":
		return func() ast.Statement { return p.update(nil) }
	case "DELETE":
		return func() ast.Statement { return p.delete(nil) }
	case "COPY":
		return p.copyStatement
	case "EXPLAIN":
		return p.explain
	case "SHOW", "LIST":
		return p.show
	case "DESCRIBE", "DESC":
		return p.describe
	case "TERMINATE", "PAUSE", "RESUME":
		return p.queryControl
	case "SET":
		return p.set
	case "RESET", "UNSET":
		return p.reset
	case "PRINT":
		return p.print
	}
	if read := p.sessionReader(up); read != nil {
		return read
	}
	return p.otherReader(up)
}

// sessionReader is who reads statements about transactions, cursors and prepared statements.
func (p *parser) sessionReader(up string) func() ast.Statement {
	switch up {
	case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE":
		return p.transaction
	case "DECLARE":
		return p.declare
	case "FETCH", "MOVE":
		return p.fetch
	case "CLOSE":
		return p.closeCursor
	case "PREPARE":
		return p.prepare
	case "EXECUTE":
		return p.execute
	case "DEALLOCATE":
		return p.deallocate
	case "DISCARD":
		return p.discard
	case "LISTEN", "UNLISTEN", "NOTIFY":
		return p.listen
	}
	return nil
}

// otherReader is who reads the remaining statements.
func (p *parser) otherReader(up string) func() ast.Statement {
	switch up {
	case "COMMENT":
		return p.comment
	case "GRANT", "REVOKE":
		return p.grant
	case "TRUNCATE":
		return p.truncate
	case "REFRESH":
		return p.refresh
	case "ASSERT":
		return p.assert
	case "DEFINE", "UNDEFINE":
		return p.define
	case "RUN":
		return p.runScript
	case "SPOOL":
		return p.spool
	case "WAIT", "FLUSH":
		return p.wait
	case "VACUUM", "ANALYZE", "ANALYSE", "CHECKPOINT", "REINDEX", "CLUSTER", "LOCK", "RECOVER":
		return p.maintain
	case "DO":
		return p.do
	case "CALL":
		return p.callProcedure
	case "USE":
		return p.use
	case "KILL":
		return p.kill
	}
	return nil
}
