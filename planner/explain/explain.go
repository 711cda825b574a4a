// Package explain writes plans as text trees and as JSON.
package explain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
)

// node is a step as it is shown.
type node struct {
	Step    string            `json:"step"`
	Of      string            `json:"of,omitempty"`
	Details []detail          `json:"-"`
	Props   map[string]string `json:"properties,omitempty"`
	Columns []string          `json:"columns"`
	Inputs  []node            `json:"inputs,omitempty"`
}

type detail struct{ name, value string }

// Tree is a plan as lines: a step a line with what it does under it, inputs indented, as Postgres' EXPLAIN looks.
func Tree(p *physical.Plan) []string {
	var lines []string
	n := describe(p.Root)
	write(&n, 0, &lines)
	if p.Limit >= 0 {
		lines = append(lines, fmt.Sprintf("Ends after %d rows", p.Limit))
	}
	return lines
}

// JSON is a plan as a JSON document, indented.
func JSON(p *physical.Plan) (string, error) {
	modes := map[physical.Mode]string{physical.OneShot: "one-shot", physical.Push: "push", physical.Kept: "kept"}
	b, err := json.MarshalIndent(struct {
		Mode string `json:"mode"`
		Plan node   `json:"plan"`
	}{modes[p.Mode], describe(p.Root)}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode plan: %w", err)
	}
	return string(b), nil
}

func write(n *node, depth int, lines *[]string) {
	head := n.Step
	if n.Of != "" {
		head += " on " + n.Of
	}
	indent := strings.Repeat("      ", max(depth-1, 0))
	pad := indent
	if depth > 0 {
		head = "  ->  " + head
		pad += "        "
	} else {
		pad += "  "
	}
	*lines = append(*lines, indent+head)
	for _, d := range n.Details {
		*lines = append(*lines, pad+d.name+": "+d.value)
	}
	for i := range n.Inputs {
		write(&n.Inputs[i], depth+1, lines)
	}
}

func describe(s physical.Step) node {
	n := node{}
	add := func(name, value string) {
		if value != "" {
			n.Details = append(n.Details, detail{name, value})
		}
	}
	sources(s, &n, add)
	shapes(s, &n, add)
	ends(s, &n, add)
	for _, c := range s.Schema() {
		n.Columns = append(n.Columns, c.Name+" "+c.Type.String())
	}
	if len(n.Details) > 0 {
		n.Props = map[string]string{}
		for _, d := range n.Details {
			n.Props[d.name] = d.value
		}
	}
	for _, in := range s.Inputs() {
		n.Inputs = append(n.Inputs, describe(in))
	}
	return n
}

// sources describes the leaves.
func sources(s physical.Step, n *node, add func(name, value string)) {
	switch s := s.(type) {
	case *physical.Scan:
		n.Step, n.Of = "Scan", s.Relation
		add("Topic", s.Topic+" (key "+s.KeyFormat.Name+", value "+s.ValueFormat.Name+")")
		add("Columns", names(s))
		if s.TimeColumn >= 0 {
			add("Event time", s.Columns[s.TimeColumn].Name)
		}
		switch {
		case s.Start.Latest:
			add("From", "latest")
		case s.Start.TimestampMS != nil:
			add("From", fmt.Sprintf("%d ms", *s.Start.TimestampMS))
		}
	case *physical.ViewScan:
		n.Step, n.Of = "View Scan", s.Relation
		if s.Keys != nil {
			n.Step = "View Lookup"
			keys := make([]string, len(s.Keys))
			for i, k := range s.Keys {
				keys[i] = "(" + exprs(k) + ")"
			}
			const shown = 5
			if len(keys) > shown {
				keys = append(keys[:shown], fmt.Sprintf("… %d keys", len(s.Keys)))
			}
			add("Keys", strings.Join(keys, ", "))
		}
		add("Columns", names(s))
	case *physical.VirtualScan:
		n.Step, n.Of = "System Scan", s.Name
		add("Columns", names(s))
	case *physical.Values:
		n.Step = "Values"
		add("Rows", strconv.Itoa(len(s.Rows)))
	}
}

// shapes describes what computes and combines.
func shapes(s physical.Step, n *node, add func(name, value string)) {
	switch s := s.(type) {
	case *physical.Upsert:
		n.Step = "Upsert"
		add("Key", pick(s, s.Key))
	case *physical.Filter:
		n.Step = "Filter"
		add("Condition", expr.String(s.Cond))
	case *physical.Project:
		n.Step = "Project"
		add("Output", output(s))
	case *physical.Aggregate:
		aggregate(s, n, add)
	case *physical.HashJoin:
		n.Step = map[physical.JoinKind]string{
			physical.InnerJoin: "Hash Join", physical.LeftJoin: "Hash Left Join", physical.RightJoin: "Hash Right Join",
			physical.FullJoin: "Hash Full Join", physical.CrossJoin: "Cross Join",
		}[s.Kind]
		add("Left keys", exprs(s.LeftKeys))
		add("Right keys", exprs(s.RightKeys))
		if s.Residual != nil {
			add("Residual", expr.String(s.Residual))
		}
	case *physical.Distinct:
		n.Step = "Distinct"
	case *physical.Union:
		n.Step = "Union All"
	}
}

func aggregate(s *physical.Aggregate, n *node, add func(name, value string)) {
	n.Step = "Aggregate"
	add("Group by", exprs(s.Keys))
	if s.Window.Kind == physical.Tumbling {
		add("Window", fmt.Sprintf("tumbling %s, grace %s", ms(s.Window.SizeMS), ms(s.Window.GraceMS)))
	}
	aggs := make([]string, len(s.Aggs))
	for i, a := range s.Aggs {
		args := exprs(a.Args)
		if len(a.Args) == 0 {
			args = "*"
		}
		if a.Distinct {
			args = "DISTINCT " + args
		}
		aggs[i] = a.Name + "(" + args + ")"
		if a.Filter != nil {
			aggs[i] += " FILTER (WHERE " + expr.String(a.Filter) + ")"
		}
	}
	add("Aggregates", strings.Join(aggs, ", "))
	switch {
	case s.Final:
		add("Emits", "when windows close")
	case s.Each:
		add("Emits", "every step")
	}
	if s.Changes {
		add("Input", "changes")
	}
}

// ends describes what orders, limits and keeps.
func ends(s physical.Step, n *node, add func(name, value string)) {
	switch s := s.(type) {
	case *physical.Sort:
		n.Step = "Sort"
		if s.Limit >= 0 {
			n.Step = fmt.Sprintf("Top %d", s.Limit)
		}
		keys := make([]string, len(s.Keys))
		for i, k := range s.Keys {
			keys[i] = expr.String(k.Expr)
			if k.Desc {
				keys[i] += " DESC"
			}
			if k.NullsFirst != k.Desc {
				keys[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
			}
		}
		add("Keys", strings.Join(keys, ", "))
	case *physical.Limit:
		n.Step = "Limit"
		switch {
		case s.CountParam != nil:
			add("Count", expr.String(s.CountParam))
		case s.Count >= 0:
			add("Count", strconv.FormatInt(s.Count, 10))
		}
		switch {
		case s.OffsetParam != nil:
			add("Offset", expr.String(s.OffsetParam))
		case s.Offset > 0:
			add("Offset", strconv.FormatInt(s.Offset, 10))
		}
	case *physical.View:
		n.Step, n.Of = "View", s.Name
		add("Key", pick(s, s.Key))
	case *physical.Sink:
		n.Step, n.Of = "Sink", "topic "+s.Topic
		add("Key", fields(s, s.KeyColumns, s.KeyFields)+" ("+s.KeyFormat.Name+")")
		add("Value", fields(s, s.ValueColumns, s.ValueFields)+" ("+s.ValueFormat.Name+")")
		if s.TimeColumn >= 0 {
			add("Event time", s.Schema()[s.TimeColumn].Name)
		}
	}
}

func ms(n int64) string {
	units := []struct {
		size int64
		name string
	}{{86_400_000, "d"}, {3_600_000, "h"}, {60_000, "min"}, {1000, "s"}}
	for _, u := range units {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d ms", n)
}

func names(s physical.Step) string {
	var list []string
	for _, c := range s.Schema() {
		list = append(list, c.Name)
	}
	return strings.Join(list, ", ")
}

func pick(s physical.Step, at []int) string {
	schema := s.Schema()
	list := make([]string, len(at))
	for i, a := range at {
		list[i] = schema[a].Name
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// fields are the names columns have in the payload; a lone one has none there.
func fields(s physical.Step, at []int, names []string) string {
	schema := s.Schema()
	list := make([]string, len(at))
	for i, a := range at {
		list[i] = names[i]
		if list[i] == "" {
			list[i] = schema[a].Name
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func exprs(list []expr.Expr) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = expr.String(e)
	}
	return strings.Join(parts, ", ")
}

func output(p *physical.Project) string {
	parts := make([]string, len(p.Exprs))
	for i, e := range p.Exprs {
		parts[i] = expr.String(e)
		if name := p.Columns[i].Name; name != parts[i] {
			parts[i] += " AS " + name
		}
	}
	return strings.Join(parts, ", ")
}
