package ast

import "strconv"

// change puts statements that change rows.
func (p *printer) change(s Statement) bool {
	switch s := s.(type) {
	case *Insert:
		p.insert(s)
	case *Update:
		p.with(s.With)
		p.put("UPDATE ")
		p.table(s.Table)
		p.put(" SET ")
		p.assignments(s.Set)
		p.relations(" FROM ", s.From)
		p.clause(" WHERE ", s.Where)
		p.returning(s.Returning)
	case *Delete:
		p.with(s.With)
		p.put("DELETE FROM ")
		p.table(s.Table)
		p.relations(" USING ", s.Using)
		p.clause(" WHERE ", s.Where)
		p.returning(s.Returning)
	case *Copy:
		p.copy(s)
	case *Truncate:
		p.put("TRUNCATE ")
		p.names(s.Names)
		p.flag(s.Restart, " RESTART IDENTITY")
		p.flag(s.Cascade, " CASCADE")
	default:
		return false
	}
	return true
}

func (p *printer) insert(s *Insert) {
	p.with(s.With)
	p.put("INSERT INTO ", s.Table.String())
	p.ident(" AS ", s.Alias)
	p.columns(" ", s.Columns)
	p.withProperties(s.Properties)
	p.flag(s.Overriding != "", " OVERRIDING "+s.Overriding+" VALUE")
	if s.Query != nil {
		p.put(" ")
		p.query(s.Query)
	} else {
		p.put(" DEFAULT VALUES")
	}
	if s.OnConflict != nil {
		p.onConflict(s.OnConflict)
	}
	p.returning(s.Returning)
}

func (p *printer) onConflict(c *OnConflict) {
	p.put(" ON CONFLICT")
	if c.Columns != nil {
		p.put(" (")
		p.exprs(c.Columns)
		p.put(")")
		p.clause(" WHERE ", c.Where)
	}
	p.ident(" ON CONSTRAINT ", c.Constraint)
	if c.Update == nil {
		p.put(" DO NOTHING")
		return
	}
	p.put(" DO UPDATE SET ")
	p.assignments(c.Update)
	p.clause(" WHERE ", c.When)
}

func (p *printer) assignments(list []Assignment) {
	p.list(len(list), func(i int) {
		a := list[i]
		p.flag(a.Multi, "(")
		p.exprs(a.Columns)
		p.flag(a.Multi, ")")
		p.clause(" = ", a.Value)
	})
}

func (p *printer) returning(list []SelectItem) {
	if list != nil {
		p.put(" RETURNING ")
		p.items(list)
	}
}

func (p *printer) copy(s *Copy) {
	p.put("COPY ")
	if s.Query != nil {
		p.put("(")
		p.statement(s.Query)
		p.put(")")
	} else {
		p.put(s.Table.String())
		p.columns(" ", s.Columns)
	}
	p.put(map[bool]string{true: " FROM ", false: " TO "}[s.From])
	p.flag(s.Program, "PROGRAM ")
	if s.Target == "STDIN" || s.Target == "STDOUT" {
		p.put(s.Target)
	} else {
		p.put(FormatString(s.Target))
	}
	p.withProperties(s.Options)
	p.clause(" WHERE ", s.Where)
}

// command puts statements about objects and queries.
func (p *printer) command(s Statement) bool {
	switch s := s.(type) {
	case *Explain:
		p.explain(s)
	case *Show:
		p.show(s)
	case *ShowSetting:
		p.put("SHOW ", nameOr(s.Name, "ALL"))
	case *Describe:
		p.put("DESCRIBE ", s.All)
		p.flag(s.Kind != "", string(s.Kind)+" ")
		p.put(s.Name.String())
		p.flag(s.Extended, " EXTENDED")
	case *QueryControl:
		p.put(string(s.Verb), " ")
		p.flag(s.All, "ALL")
		p.flag(s.Cluster, "CLUSTER")
		p.ident("", s.Query)
	case *Print:
		p.put("PRINT ", FormatIdent(s.Topic))
		p.flag(s.FromBeginning, " FROM BEGINNING")
		p.clause(" INTERVAL ", s.Interval)
		p.clause(" LIMIT ", s.Limit)
	case *Comment:
		p.comment(s)
	case *Grant:
		p.grant(s)
	case *Refresh:
		p.put("REFRESH ", string(s.Kind), " ")
		p.flag(s.Concurrently, "CONCURRENTLY ")
		p.put(s.Name.String())
		p.flag(s.NoData, " WITH NO DATA")
	case *Assert:
		p.assert(s)
	case *Define:
		p.put("DEFINE ", FormatIdent(s.Name), " = ", FormatString(s.Value))
	case *Undefine:
		p.put("UNDEFINE ", FormatIdent(s.Name))
	case *RunScript:
		p.put("RUN SCRIPT ", FormatString(s.File))
	case *Spool:
		p.flag(s.File == "", "SPOOL OFF")
		p.flag(s.File != "", "SPOOL "+FormatString(s.File))
	case *Wait:
		p.put(map[bool]string{true: "FLUSH", false: "WAIT"}[s.Flush])
	default:
		return false
	}
	return true
}

func nameOr(n Name, other string) string {
	if len(n) == 0 {
		return other
	}
	return n.String()
}

func (p *printer) explain(s *Explain) {
	p.put("EXPLAIN ")
	if s.Options != nil {
		p.properties("", s.Options)
		p.put(" ")
	} else {
		p.flag(s.Analyze, "ANALYZE ")
		p.flag(s.Verbose, "VERBOSE ")
	}
	if s.Statement != nil {
		p.statement(s.Statement)
	} else {
		p.ident("", s.QueryID)
	}
}

func (p *printer) show(s *Show) {
	p.put(map[bool]string{true: "LIST ", false: "SHOW "}[s.List])
	p.flag(s.All, "ALL ")
	p.put(s.What)
	if len(s.What) > len("CREATE ") && s.What[:len("CREATE ")] == "CREATE " {
		p.name(" ", s.From)
	} else {
		p.name(" FROM ", s.From)
	}
	p.flag(s.Extended, " EXTENDED")
	p.clause(" LIKE ", s.Like)
	p.clause(" WHERE ", s.Where)
}

func (p *printer) comment(s *Comment) {
	p.put("COMMENT ON ", string(s.Kind), " ", s.Name.String())
	p.signature(s.Args)
	p.name(" ON ", s.On)
	p.put(" IS ")
	if s.Text == nil {
		p.put("NULL")
	} else {
		p.put(FormatString(*s.Text))
	}
}

func (p *printer) assert(s *Assert) {
	p.put("ASSERT ")
	p.flag(s.NotExists, "NOT EXISTS ")
	if s.Relation != nil {
		p.relationBody(s.Relation)
		return
	}
	p.put(s.What)
	p.ident(" ", s.Name)
	p.ident(" SUBJECT ", s.Subject)
	p.clause(" ID ", s.ID)
	p.columns(" ", s.Columns)
	if s.Values != nil {
		p.put(map[bool]string{true: " VALUES (", false: " KEY ("}[s.What == "VALUES"])
		p.exprs(s.Values)
		p.put(")")
	}
	p.withProperties(s.With)
	p.optionalDuration(" TIMEOUT ", s.Timeout)
}

// session puts statements about settings, transactions and cursors.
func (p *printer) session(s Statement) {
	switch s := s.(type) {
	case *Set:
		p.set(s)
	case *Reset:
		p.put("RESET ", nameOr(s.Name, "ALL"))
	case *SetConstraints:
		p.put("SET CONSTRAINTS ")
		p.flag(s.Names == nil, "ALL")
		p.names(s.Names)
		p.put(map[bool]string{true: " DEFERRED", false: " IMMEDIATE"}[s.Deferred])
	case *Transaction:
		p.transaction(s)
	case *DeclareCursor:
		p.declare(s)
	case *Fetch:
		p.fetch(s)
	case *Close:
		p.put("CLOSE ")
		p.flag(s.All, "ALL")
		p.ident("", s.Cursor)
	case *Prepare:
		p.put("PREPARE ", FormatIdent(s.Name))
		p.signature(s.Types)
		p.put(" AS ")
		p.statement(s.Statement)
	case *Execute:
		p.put("EXECUTE ", FormatIdent(s.Name))
		if s.Args != nil {
			p.put("(")
			p.exprs(s.Args)
			p.put(")")
		}
	case *Deallocate:
		p.put("DEALLOCATE ")
		p.flag(s.All, "ALL")
		p.ident("", s.Name)
	case *Discard:
		p.put("DISCARD ", s.What)
	default:
		p.other(s)
	}
}

func (p *printer) set(s *Set) {
	p.put("SET ")
	if s.Explicit {
		p.put([...]string{"SESSION ", "LOCAL "}[s.Scope])
	}
	p.put(s.Name.String())
	switch {
	case s.Current:
		p.put(" FROM CURRENT")
	case s.Values == nil:
		p.put(" = DEFAULT")
	default:
		p.put(" = ")
		p.exprs(s.Values)
	}
}

func (p *printer) transaction(s *Transaction) {
	p.put(string(s.Verb))
	p.ident(" ", s.Name)
	for i, m := range s.Modes {
		p.flag(i > 0, ",")
		p.put(" ", m)
	}
	p.flag(s.Chain, " AND CHAIN")
}

func (p *printer) declare(s *DeclareCursor) {
	p.put("DECLARE ", FormatIdent(s.Name))
	p.flag(s.Binary, " BINARY")
	p.flag(s.Insensitive != "", " "+s.Insensitive)
	p.flag(s.Scroll != "", " "+s.Scroll)
	p.flag(s.Subscription != nil, " SUBSCRIPTION")
	p.put(" CURSOR")
	p.flag(s.Hold, " WITH HOLD")
	p.put(" FOR ")
	if s.Subscription != nil {
		p.put(s.Subscription.String())
		return
	}
	p.query(s.Query)
}

func (p *printer) fetch(s *Fetch) {
	p.put(map[bool]string{true: "MOVE ", false: "FETCH "}[s.Move], s.Direction, " ")
	p.flag(s.All, "ALL ")
	if s.Counted {
		p.put(strconv.FormatInt(s.Count, 10), " ")
	}
	p.put("FROM ", FormatIdent(s.Cursor))
	p.withProperties(s.With)
}

// other puts the remaining statements.
func (p *printer) other(s Statement) {
	switch s := s.(type) {
	case *Listen:
		p.put(s.Verb)
		p.ident(" ", s.Channel)
		p.flag(s.Verb == "UNLISTEN" && !s.Channel.Given(), " *")
		p.flag(s.Payload != "", ", "+FormatString(s.Payload))
	case *Maintain:
		p.put(s.Verb)
		p.properties(" ", s.Options)
		p.flag(s.Names != nil, " ")
		p.names(s.Names)
		p.columns(" ", s.Columns)
		p.flag(s.Mode != "", " IN "+s.Mode+" MODE")
	case *Do:
		p.put("DO ", FormatString(s.Body))
		p.ident(" LANGUAGE ", s.Language)
	case *CallProcedure:
		p.clause("CALL ", s.Call)
	case *Use:
		p.put("USE ", FormatIdent(s.Name))
	case *Kill:
		p.clause("KILL ", s.ID)
	}
}
