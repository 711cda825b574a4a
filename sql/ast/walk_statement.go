package ast

// statement visits the children of a statement. A *Query is a body, too, and visited as one.
func (w walker) statement(s Statement) {
	switch s := s.(type) {
	case *CreateRelation:
		w.columns(s.Columns)
		w.constraints(s.Constraints)
		for _, m := range s.Watermarks {
			w.one(m.Expr)
		}
		w.properties(s.With)
		w.query(s.As)
	case *CreateView:
		w.properties(s.With)
		w.query(s.Query)
	case *CreateIndex:
		for _, c := range s.Columns {
			w.one(c.Expr)
		}
		w.exprs(s.Include)
		w.exprs(s.Distribute)
		w.properties(s.With)
		w.one(s.Where)
	case *CreateType:
		w.types(s.Type)
		for _, f := range s.Fields {
			w.types(f.Type)
		}
		w.one(s.Check)
	case *CreateConnector:
		w.properties(s.With)
	case *CreateSink:
		w.query(s.Query)
		w.properties(s.With)
	case *CreateFunction:
		for _, p := range s.Params {
			w.types(p.Type)
			w.one(p.Default)
		}
		w.types(s.Returns)
		w.columns(s.Table)
		w.one(s.Return)
	case *CreateObject:
		w.properties(s.Options)
		w.one(s.As)
	case *Alter:
		for _, a := range s.Actions {
			w.columns([]ColumnDef{a.Column})
			w.types(a.Type)
			w.one(a.Expr)
			w.properties(a.Options)
		}
	case *AlterSystem:
		w.one(s.Value)
	default:
		w.command(s)
	}
}

// command visits the children of statements that define nothing.
func (w walker) command(s Statement) {
	switch s := s.(type) {
	case *Insert:
		w.with(s.With)
		w.properties(s.Properties)
		w.query(s.Query)
		if s.OnConflict != nil {
			w.exprs(s.OnConflict.Columns)
			w.one(s.OnConflict.Where)
			w.assignments(s.OnConflict.Update)
			w.one(s.OnConflict.When)
		}
		w.items(s.Returning)
	case *Update:
		w.with(s.With)
		Walk(s.Table, Visit(w))
		w.assignments(s.Set)
		w.relations(s.From)
		w.one(s.Where)
		w.items(s.Returning)
	case *Delete:
		w.with(s.With)
		Walk(s.Table, Visit(w))
		w.relations(s.Using)
		w.one(s.Where)
		w.items(s.Returning)
	case *Copy:
		Walk(s.Query, Visit(w))
		w.properties(s.Options)
		w.one(s.Where)
	case *Explain:
		w.properties(s.Options)
		Walk(s.Statement, Visit(w))
	case *Show:
		w.one(s.Like)
		w.one(s.Where)
	case *Set:
		w.exprs(s.Values)
	case *Print:
		w.one(s.Interval)
		w.one(s.Limit)
	case *DeclareCursor:
		w.query(s.Query)
	case *Fetch:
		w.properties(s.With)
	case *Prepare:
		w.types(s.Types...)
		Walk(s.Statement, Visit(w))
	case *Execute:
		w.exprs(s.Args)
	case *Assert:
		w.one(s.ID)
		w.exprs(s.Values)
		w.properties(s.With)
		Walk(s.Relation, Visit(w))
	case *CallProcedure:
		w.one(s.Call)
	case *Kill:
		w.one(s.ID)
	}
}

func (w walker) columns(list []ColumnDef) {
	for _, c := range list {
		w.types(c.Type)
		w.one(c.Default)
		w.one(c.Check)
		w.one(c.Generated)
	}
}

func (w walker) constraints(list []TableConstraint) {
	for _, c := range list {
		w.one(c.Check)
	}
}
