package functions

import (
	"fmt"
	"io"
	"sort"
	"strings"
)

// Markdown writes the reference of every function and aggregate, by category: docs/reference/functions.md.
func (r *Registry) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Functions and operators\n\nGenerated from the registry; every example is run as a test.\n")
	byCategory := map[string][]*Function{}
	for _, f := range r.Functions() {
		byCategory[f.Category] = append(byCategory[f.Category], f)
	}
	categories := make([]string, 0, len(byCategory))
	for c := range byCategory {
		categories = append(categories, c)
	}
	sort.Strings(categories)
	for _, c := range categories {
		fmt.Fprintf(&b, "\n## %s%s\n\n| function | what it does | example |\n|---|---|---|\n", strings.ToUpper(c[:1]), c[1:])
		for _, f := range byCategory[c] {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(strings.Join(f.signatures(), "<br>")), cell(f.Help), f.example())
		}
	}
	b.WriteString("\n## Aggregates\n\n| aggregate | what it does | takes back rows |\n|---|---|---|\n")
	for _, a := range r.aggregateRows() {
		b.WriteString(a)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell keeps text from ending a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func (f *Function) example() string {
	if len(f.Examples) == 0 {
		return ""
	}
	x := f.Examples[0]
	return cell("`" + x.SQL + "` → `" + x.Result + "`")
}

// signatures lists how f is called, operators as "integer + integer", those of one dialect marked.
func (f *Function) signatures() []string {
	var order []string
	dialects := map[string]Dialect{}
	for _, o := range f.Overloads {
		s := o.Signature()
		if isOperator(o.Name) {
			s = strings.ReplaceAll(spellOperator(o.Name, o.Params), "unknown", "any")
		}
		have, ok := dialects[s]
		if !ok {
			order = append(order, s)
			dialects[s] = o.Dialect
		} else if have != o.Dialect {
			dialects[s] = Any
		}
	}
	for i, s := range order {
		switch dialects[s] {
		case KsqlDB:
			order[i] = "`" + s + "` (ksqldb)"
		case Postgres:
			order[i] = "`" + s + "` (postgres)"
		default:
			order[i] = "`" + s + "`"
		}
	}
	return order
}

// aggregateRows is one line a name.
func (r *Registry) aggregateRows() []string {
	var out []string
	var name string
	var forms []string
	var help, undo string
	flush := func() {
		if name != "" {
			out = append(out, fmt.Sprintf("| %s | %s | %s |\n", strings.Join(dedupe(forms), "<br>"), cell(help), undo))
		}
	}
	for _, a := range r.Aggregates() {
		if a.Name != name {
			flush()
			name, forms, help, undo = a.Name, nil, a.Help, "no"
		}
		form := "`" + strings.ReplaceAll(spellCall(a.Name, a.Params), "unknown", "any") + "`"
		if a.Star {
			form = "`" + a.Name + "(*)`"
		}
		forms = append(forms, form)
		if _, build, err := a.Bind(a.Params, false); err == nil && build().Undoable() {
			undo = "yes"
		}
	}
	flush()
	return out
}
