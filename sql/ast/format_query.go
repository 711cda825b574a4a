package ast

import "strings"

func (p *printer) query(q *Query) { p.body(q) }

// body puts a query or what stands in its place.
func (p *printer) body(b Body) {
	switch b := b.(type) {
	case *Query:
		p.with(b.With)
		p.side(b.Body, b.Body)
		p.tail(b)
	case *SetOp:
		p.side(b.Left, b)
		p.put(map[SetKind]string{SetUnion: " UNION ", SetIntersect: " INTERSECT ", SetExcept: " EXCEPT "}[b.Kind])
		p.flag(b.All, "ALL ")
		p.flag(b.Corresponding, "CORRESPONDING ")
		if b.By != nil {
			p.columns("BY ", b.By)
			p.put(" ")
		}
		p.side(b.Right, b)
	case *Values:
		p.put("VALUES ")
		p.list(len(b.Rows), func(i int) {
			p.put("(")
			p.exprs(b.Rows[i])
			p.put(")")
		})
	case *Select:
		p.selectBody(b)
	}
}

// side puts one side of a set operator, or the body of a query: in parentheses when it is more than one SELECT.
func (p *printer) side(b, parent Body) {
	switch b.(type) {
	case *Select, *Values:
		p.body(b)
		return
	case *SetOp:
		if b == parent {
			p.body(b)
			return
		}
	}
	p.put("(")
	p.body(b)
	p.put(")")
}

func (p *printer) with(w *With) {
	if w == nil {
		return
	}
	p.put("WITH ")
	p.flag(w.Recursive, "RECURSIVE ")
	p.list(len(w.Tables), func(i int) {
		t := w.Tables[i]
		p.put(FormatIdent(t.Name))
		p.columns("", t.Columns)
		p.put(" AS ")
		if t.Changelog != nil {
			p.put("CHANGELOG FROM ", t.Changelog.String())
			return
		}
		p.flag(t.Materialized != "", t.Materialized+" ")
		p.put("(")
		p.statement(t.Query)
		p.put(")")
	})
	p.put(" ")
}

func (p *printer) tail(q *Query) {
	if q.OrderBy != nil {
		p.put(" ORDER BY ")
		p.order(q.OrderBy)
	}
	if q.Ties {
		p.put(" FETCH FIRST ")
		p.primary(q.Limit)
		p.put(" ROWS WITH TIES")
	} else {
		p.clause(" LIMIT ", q.Limit)
	}
	p.clause(" OFFSET ", q.Offset)
	p.put([...]string{"", " EMIT CHANGES", " EMIT FINAL"}[q.Emit])
	for _, l := range q.Locks {
		p.put(" FOR ", l.Strength)
		if l.Of != nil {
			p.put(" OF ")
			p.names(l.Of)
		}
		p.flag(l.Wait != "", " "+l.Wait)
	}
}

func (p *printer) selectBody(s *Select) {
	p.put("SELECT")
	p.flag(s.Distinct, " DISTINCT")
	if s.DistinctOn != nil {
		p.put(" ON (")
		p.exprs(s.DistinctOn)
		p.put(")")
	}
	p.flag(len(s.Items) > 0, " ")
	p.items(s.Items)
	if s.Into != nil {
		p.put(" INTO ")
		p.flag(s.Into.Temp, "TEMP ")
		p.put("TABLE ", s.Into.Name.String())
	}
	p.relations(" FROM ", s.From)
	if s.Window != nil {
		p.put(" ")
		p.window(s.Window)
	}
	p.clause(" WHERE ", s.Where)
	if s.GroupBy != nil {
		p.put(" GROUP BY ")
		p.exprs(s.GroupBy)
	}
	if s.PartitionBy != nil {
		p.put(" PARTITION BY ")
		p.exprs(s.PartitionBy)
	}
	p.clause(" HAVING ", s.Having)
	if s.Windows != nil {
		p.put(" WINDOW ")
		p.list(len(s.Windows), func(i int) {
			p.put(FormatIdent(s.Windows[i].Name), " AS ")
			p.spec(s.Windows[i].Spec)
		})
	}
}

func (p *printer) items(list []SelectItem) {
	p.list(len(list), func(i int) {
		p.expr(list[i].Expr)
		p.ident(" AS ", list[i].Alias)
	})
}

func (p *printer) relations(before string, list []Relation) {
	if list == nil {
		return
	}
	p.put(before)
	p.list(len(list), func(i int) { p.relation(list[i]) })
}

func (p *printer) window(w *Window) {
	p.put("WINDOW ")
	if w.Name.Given() {
		p.put(FormatIdent(w.Name), " ")
	}
	p.put([...]string{"TUMBLING (SIZE ", "HOPPING (SIZE ", "SESSION ("}[w.Kind])
	p.duration(w.Size)
	p.optionalDuration(", ADVANCE BY ", w.Advance)
	p.optionalDuration(", RETENTION ", w.Retention)
	p.optionalDuration(", GRACE PERIOD ", w.Grace)
	p.put(")")
}

func (p *printer) relation(r Relation) {
	switch r := r.(type) {
	case *Table:
		p.table(r)
	case *Derived:
		p.flag(r.Lateral, "LATERAL ")
		p.subquery(r.Query)
		p.alias(r.Alias)
	case *TableFunc:
		p.flag(r.Lateral, "LATERAL ")
		p.flag(r.RowsFrom, "ROWS FROM (")
		p.exprs(r.Calls)
		p.flag(r.RowsFrom, ")")
		p.flag(r.Ordinality, " WITH ORDINALITY")
		p.alias(r.Alias)
	case *Join:
		p.flag(r.Alias != nil, "(")
		p.join(r)
		if r.Alias != nil {
			p.put(")")
			p.alias(r.Alias)
		}
	}
}

func (p *printer) table(t *Table) {
	p.flag(t.Only, "ONLY ")
	p.put(t.Name.String())
	p.clause(" FOR SYSTEM_TIME AS OF ", t.AsOf)
	if t.Sample != nil {
		p.put(" TABLESAMPLE ", t.Sample.Name.String(), "(")
		p.exprs(t.Sample.Args)
		p.put(")")
	}
	p.alias(t.Alias)
	if t.Start != nil {
		p.start(t.Start)
	}
}

// start puts where reading begins. TIMESTAMP '…' is a literal that brings the word.
func (p *printer) start(s *StartAt) {
	word := [...]string{" FROM EARLIEST", " FROM LATEST", " FROM TIMESTAMP ", " FROM OFFSET "}[s.Kind]
	if lit, ok := s.Expr.(*TypedLit); ok && s.Kind == StartTimestamp && strings.EqualFold(lit.Type.Name.String(), "timestamp") {
		word = " FROM "
	}
	p.put(word)
	p.clause("", s.Expr)
}

func (p *printer) alias(a *Alias) {
	if a == nil {
		return
	}
	p.put(" AS ")
	p.ident("", a.Name)
	if a.Types == nil {
		p.columns("", a.Columns)
		return
	}
	p.put("(")
	p.list(len(a.Columns), func(i int) {
		p.put(FormatIdent(a.Columns[i]), " ")
		p.typeName(a.Types[i])
	})
	p.put(")")
}

func (p *printer) join(j *Join) {
	p.relation(j.Left)
	p.put(" ")
	p.flag(j.AsOf, "ASOF ")
	p.flag(j.Natural, "NATURAL ")
	p.put([...]string{"", "LEFT ", "RIGHT ", "FULL ", "CROSS "}[j.Kind], "JOIN ")
	if right, ok := j.Right.(*Join); ok && right.Alias == nil {
		p.put("(")
		p.join(right)
		p.put(")")
	} else {
		p.relation(j.Right)
	}
	if j.Within != nil {
		p.put(" ")
		p.within(j.Within)
	}
	p.clause(" ON ", j.On)
	if j.Using != nil {
		p.columns(" USING ", j.Using)
		p.ident(" AS ", j.UsingAlias)
	}
}

func (p *printer) within(w *Within) {
	p.put("WITHIN ")
	p.flag(w.Pair, "(")
	p.duration(w.Before)
	if w.Pair {
		p.put(", ")
		p.duration(w.After)
		p.put(")")
	}
	p.optionalDuration(" GRACE PERIOD ", w.Grace)
}
