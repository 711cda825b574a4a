package ast

// statement puts a statement.
func (p *printer) statement(s Statement) {
	switch s := s.(type) {
	case *Query:
		p.body(s)
	case *CreateRelation:
		p.createRelation(s)
	case *CreateView:
		p.createView(s)
	case *CreateIndex:
		p.createIndex(s)
	case *CreateType:
		p.createType(s)
	case *CreateConnector:
		p.creation(s.OrReplace, false)
		p.put(map[bool]string{true: "SINK CONNECTOR ", false: "SOURCE CONNECTOR "}[s.Sink])
		p.flag(s.IfNotExists, "IF NOT EXISTS ")
		p.put(FormatIdent(s.Name))
		p.withProperties(s.With)
	case *CreateSink:
		p.createSink(s)
	case *CreateFunction:
		p.createFunction(s)
	case *CreateObject:
		p.createObject(s)
	case *Drop:
		p.drop(s)
	case *Alter:
		p.alter(s)
	case *AlterSystem:
		p.put("ALTER SYSTEM SET ", s.Name.String())
		p.flag(s.Value == nil, " = DEFAULT")
		p.clause(" = ", s.Value)
	default:
		if !p.change(s) && !p.command(s) {
			p.session(s)
		}
	}
}

func (p *printer) creation(orReplace, temporary bool) {
	p.put("CREATE ")
	p.flag(orReplace, "OR REPLACE ")
	p.flag(temporary, "TEMPORARY ")
}

func (p *printer) createRelation(s *CreateRelation) {
	p.creation(s.OrReplace, s.Temporary)
	p.relationBody(s)
}

// relationBody puts what CREATE STREAM and ASSERT STREAM have in common.
func (p *printer) relationBody(s *CreateRelation) {
	p.flag(s.ReadOnly, "SOURCE ")
	p.put(string(s.Kind), " ")
	p.flag(s.IfNotExists, "IF NOT EXISTS ")
	p.put(s.Name.String())
	if s.PartitionOf != nil {
		p.put(" PARTITION OF ", s.PartitionOf.String(), " ", s.Bound)
	}
	p.elements(s)
	p.flag(s.PartitionBy != "", " PARTITION BY "+s.PartitionBy)
	if s.Inherits != nil {
		p.put(" INHERITS (")
		p.names(s.Inherits)
		p.put(")")
	}
	p.flag(s.AppendOnly, " APPEND ONLY")
	p.flag(s.OnConflict != "", " ON CONFLICT "+s.OnConflict)
	p.flag(s.OnCommit != "", " ON COMMIT "+s.OnCommit)
	p.columns(" WITH VERSION COLUMN ", s.Version)
	for _, c := range s.Include {
		p.include(c)
	}
	p.withProperties(s.With)
	p.format(s.Format)
	if s.As != nil {
		p.put(" AS ")
		p.query(s.As)
	}
	p.flag(s.NoData, " WITH NO DATA")
}

func (p *printer) include(c IncludeColumn) {
	p.put(" INCLUDE ", FormatIdent(c.What))
	p.flag(c.Field != "", " "+FormatString(c.Field))
	if c.Type != nil {
		p.put(" ")
		p.typeName(c.Type)
	}
	p.ident(" AS ", c.Alias)
}

func (p *printer) format(f *FormatClause) {
	if f == nil {
		return
	}
	p.put(" FORMAT ", FormatIdent(f.Format), " ENCODE ", FormatIdent(f.Encode))
	p.properties(" ", f.Properties)
	p.ident(" KEY ENCODE ", f.KeyEncode)
	p.properties(" ", f.KeyOptions)
}

// elements puts columns and constraints: column by column, then what concerns several.
func (p *printer) elements(s *CreateRelation) {
	total := len(s.Columns) + len(s.Names) + len(s.Constraints) + len(s.Watermarks) + len(s.Like)
	if total == 0 {
		return
	}
	n := 0
	next := func() {
		if n > 0 {
			p.put(", ")
		}
		n++
	}
	p.put(" (")
	for _, c := range s.Columns {
		next()
		p.column(c)
	}
	for _, c := range s.Names {
		next()
		p.put(FormatIdent(c))
	}
	for _, l := range s.Like {
		next()
		p.put("LIKE ", l.String())
	}
	for _, w := range s.Watermarks {
		next()
		p.put("WATERMARK FOR ", FormatIdent(w.Column))
		p.clause(" AS ", w.Expr)
		p.flag(w.TTL, " WITH TTL")
	}
	for _, c := range s.Constraints {
		next()
		p.constraint(c)
	}
	p.put(")")
}

func (p *printer) column(c ColumnDef) {
	p.put(FormatIdent(c.Name))
	if c.Type != nil {
		p.put(" ")
		p.typeName(c.Type)
	}
	p.put([...]string{"", " KEY", " PRIMARY KEY"}[c.Key])
	if c.Headers != nil {
		if c.Headers.Name == "" {
			p.put(" HEADERS")
		} else {
			p.put(" HEADER(", FormatString(c.Headers.Name), ")")
		}
	}
	p.name(" COLLATE ", c.Collate)
	p.ident(" CONSTRAINT ", c.Constraint)
	p.flag(c.NotNull, " NOT NULL")
	p.flag(c.Null, " NULL")
	p.flag(c.Unique, " UNIQUE")
	p.clause(" DEFAULT ", c.Default)
	if c.Check != nil {
		p.clause(" CHECK (", c.Check)
		p.put(")")
	}
	if c.Generated != nil {
		p.clause(" GENERATED ALWAYS AS (", c.Generated)
		p.put(")")
	}
	p.flag(c.Identity != "", " GENERATED "+c.Identity+" AS IDENTITY")
	p.references(c.References)
}

func (p *printer) references(r *References) {
	if r == nil {
		return
	}
	p.put(" REFERENCES ", r.Table.String())
	p.columns(" ", r.Columns)
	p.flag(r.Actions != "", " "+r.Actions)
}

func (p *printer) constraint(c TableConstraint) {
	p.ident("CONSTRAINT ", c.Name)
	p.flag(c.Name.Given(), " ")
	p.put(c.Kind)
	p.columns(" ", c.Columns)
	if c.Check != nil {
		p.clause(" (", c.Check)
		p.put(")")
	}
	p.references(c.References)
}

func (p *printer) createView(s *CreateView) {
	p.creation(s.OrReplace, s.Temporary)
	p.flag(s.Recursive, "RECURSIVE ")
	p.flag(s.Materialized, "MATERIALIZED ")
	p.put("VIEW ")
	p.flag(s.IfNotExists, "IF NOT EXISTS ")
	p.put(s.Name.String())
	p.columns(" ", s.Columns)
	p.withProperties(s.With)
	p.put(" AS ")
	p.query(s.Query)
	p.flag(s.NoData, " WITH NO DATA")
}

func (p *printer) createIndex(s *CreateIndex) {
	p.put("CREATE ")
	p.flag(s.Unique, "UNIQUE ")
	p.put("INDEX ")
	p.flag(s.Concurrently, "CONCURRENTLY ")
	p.flag(s.IfNotExists, "IF NOT EXISTS ")
	p.ident("", s.Name)
	p.put(" ON ", s.Table.String())
	p.ident(" USING ", s.Method)
	p.put(" (")
	p.list(len(s.Columns), func(i int) {
		c := s.Columns[i]
		p.expr(c.Expr)
		p.name(" ", c.OpClass)
		p.direction(c.OrderItem)
	})
	p.put(")")
	lists := []struct {
		word string
		list []Expr
	}{{" INCLUDE (", s.Include}, {" DISTRIBUTED BY (", s.Distribute}}
	for _, l := range lists {
		if l.list != nil {
			p.put(l.word)
			p.exprs(l.list)
			p.put(")")
		}
	}
	p.withProperties(s.With)
	p.clause(" WHERE ", s.Where)
}

func (p *printer) createType(s *CreateType) {
	p.put("CREATE ", string(s.Kind), " ")
	p.flag(s.IfNotExists, "IF NOT EXISTS ")
	p.put(s.Name.String(), " AS ")
	switch {
	case s.Type != nil:
		p.typeName(s.Type)
	case s.Enum:
		p.put("ENUM (")
		p.list(len(s.Labels), func(i int) { p.put(FormatString(s.Labels[i])) })
		p.put(")")
	default:
		p.put("(")
		p.fields(s.Fields)
		p.put(")")
	}
	p.flag(s.NotNull, " NOT NULL")
	if s.Check != nil {
		p.clause(" CHECK (", s.Check)
		p.put(")")
	}
}

func (p *printer) createSink(s *CreateSink) {
	p.creation(s.OrReplace, false)
	p.put(string(s.Kind), " ")
	p.flag(s.IfNotExists, "IF NOT EXISTS ")
	p.put(s.Name.String())
	p.name(" INTO ", s.Into)
	p.columns(" ", s.Columns)
	p.name(" FROM ", s.From)
	if s.Query != nil {
		p.put(" AS ")
		p.query(s.Query)
	}
	p.withProperties(s.With)
	p.format(s.Format)
}

func (p *printer) createFunction(s *CreateFunction) {
	p.creation(s.OrReplace, s.Temporary)
	p.put(string(s.Kind), " ")
	p.flag(s.IfNotExists, "IF NOT EXISTS ")
	p.put(s.Name.String(), "(")
	p.list(len(s.Params), func(i int) {
		f := s.Params[i]
		p.flag(f.Mode != "", f.Mode+" ")
		if f.Name.Given() {
			p.put(FormatIdent(f.Name), " ")
		}
		p.typeName(f.Type)
		p.clause(" DEFAULT ", f.Default)
	})
	p.put(")")
	if s.Returns != nil {
		p.put(" RETURNS ")
		p.typeName(s.Returns)
	}
	if s.Table != nil {
		p.put(" RETURNS TABLE (")
		p.list(len(s.Table), func(i int) { p.column(s.Table[i]) })
		p.put(")")
	}
	p.ident(" LANGUAGE ", s.Language)
	p.functionOptions(s)
}

// functionOptions puts words as words and all others as WITH (…).
func (p *printer) functionOptions(s *CreateFunction) {
	var with []Property
	for _, o := range s.Options {
		if o.Value == nil {
			p.put(" ", FormatIdent(o.Name))
			continue
		}
		with = append(with, o)
	}
	if s.Body != "" {
		p.put(" AS ", FormatString(s.Body))
		p.flag(s.Link != "", ", "+FormatString(s.Link))
	} else {
		p.flag(s.Link != "", " USING LINK "+FormatString(s.Link))
	}
	p.clause(" RETURN ", s.Return)
	p.withProperties(with)
}

func (p *printer) createObject(s *CreateObject) {
	p.creation(s.OrReplace, s.Temporary)
	p.put(string(s.Kind))
	p.flag(s.IfNotExists, " IF NOT EXISTS")
	p.name(" ", s.Name)
	if s.Parenthesised {
		p.withProperties(s.Options)
		p.clause(" AS ", s.As)
		return
	}
	for _, o := range s.Options {
		p.put(" ", FormatIdent(o.Name))
		p.clause(" = ", o.Value)
	}
}
