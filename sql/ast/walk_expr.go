package ast

import "reflect"

func isNil(n Node) bool {
	if n == nil {
		return true
	}
	v := reflect.ValueOf(n)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// expr visits the children of an expression.
func (w walker) expr(e Expr) {
	switch e := e.(type) {
	case *TypedLit:
		w.types(e.Type)
	case *FieldStar:
		w.one(e.Expr)
	case *Unary:
		w.one(e.Expr)
	case *Binary:
		w.one(e.Left)
		w.one(e.Right)
	case *IsNull:
		w.one(e.Expr)
	case *IsTruth:
		w.one(e.Expr)
	case *IsDistinct:
		w.one(e.Left)
		w.one(e.Right)
	case *IsJSON:
		w.one(e.Expr)
	case *Between:
		w.one(e.Expr)
		w.one(e.Low)
		w.one(e.High)
	case *Like:
		w.one(e.Expr)
		w.one(e.Pattern)
		w.one(e.Escape)
	case *InList:
		w.one(e.Expr)
		w.exprs(e.List)
	case *InQuery:
		w.one(e.Expr)
		w.query(e.Query)
	case *Exists:
		w.query(e.Query)
	case *Subquery:
		w.query(e.Query)
	case *Quantified:
		w.one(e.Left)
		w.query(e.Query)
		w.one(e.Array)
	case *Case:
		w.one(e.Operand)
		for _, b := range e.Whens {
			w.one(b.Cond)
			w.one(b.Result)
		}
		w.one(e.Else)
	case *Cast:
		w.one(e.Expr)
		w.types(e.Type)
	case *AtTimeZone:
		w.one(e.Expr)
		w.one(e.Zone)
	case *Collate:
		w.one(e.Expr)
	case *Call:
		w.exprs(e.Args)
		w.order(e.OrderBy)
		w.order(e.WithinGroup)
		w.one(e.Filter)
		Walk(e.Over, Visit(w))
	default:
		w.composite(e)
	}
}

// composite visits the children of arguments, constructors and accesses.
func (w walker) composite(e Expr) {
	switch e := e.(type) {
	case *NamedArg:
		w.one(e.Expr)
	case *Lambda:
		w.one(e.Body)
	case *ArrayCons:
		w.exprs(e.Elems)
	case *ArrayQuery:
		w.query(e.Query)
	case *MapCons:
		for _, p := range e.Entries {
			w.one(p.Key)
			w.one(p.Value)
		}
	case *StructCons:
		for _, f := range e.Fields {
			w.one(f.Value)
		}
	case *Row:
		w.exprs(e.Elems)
	case *Subscript:
		w.one(e.Expr)
		w.one(e.Index)
	case *Slice:
		w.one(e.Expr)
		w.one(e.Low)
		w.one(e.High)
	case *Field:
		w.one(e.Expr)
	case *Grouping:
		w.exprs(e.Items)
	}
}

// relation visits the children of an item of FROM.
func (w walker) relation(r Relation) {
	switch r := r.(type) {
	case *Table:
		w.one(r.AsOf)
		if r.Start != nil {
			w.one(r.Start.Expr)
		}
		if r.Sample != nil {
			w.one(r.Sample)
		}
	case *Derived:
		w.query(r.Query)
	case *TableFunc:
		w.exprs(r.Calls)
	case *Join:
		Walk(r.Left, Visit(w))
		Walk(r.Right, Visit(w))
		Walk(r.Within, Visit(w))
		w.one(r.On)
	}
}

// body visits the children of a body of a query.
func (w walker) body(b Body) {
	switch b := b.(type) {
	case *Query:
		w.with(b.With)
		Walk(b.Body, Visit(w))
		w.order(b.OrderBy)
		w.one(b.Limit)
		w.one(b.Offset)
	case *SetOp:
		Walk(b.Left, Visit(w))
		Walk(b.Right, Visit(w))
	case *Values:
		for _, row := range b.Rows {
			w.exprs(row)
		}
	case *Select:
		w.exprs(b.DistinctOn)
		w.items(b.Items)
		w.relations(b.From)
		Walk(b.Window, Visit(w))
		w.one(b.Where)
		w.exprs(b.GroupBy)
		w.exprs(b.PartitionBy)
		w.one(b.Having)
		for _, named := range b.Windows {
			Walk(named.Spec, Visit(w))
		}
	}
}

func (w walker) with(with *With) {
	if with == nil {
		return
	}
	for _, t := range with.Tables {
		Walk(t.Query, Visit(w))
	}
}
