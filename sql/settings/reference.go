package settings

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes docs/reference/settings.md: every setting of the registry with its default and meaning, by category.
func (r *Registry) Markdown(w io.Writer) error {
	var out strings.Builder
	out.WriteString("# Settings\n\nA session changes them with `SET name = value`, for a transaction with `SET LOCAL`, back with `RESET name`; `SHOW ALL` lists " +
		"them.\nThose marked *kept* shape queries and are kept with a query as they were when it was created.\n")
	var order []string
	byCategory := map[string][]*Setting{}
	for _, s := range r.list {
		if byCategory[s.Category] == nil {
			order = append(order, s.Category)
		}
		byCategory[s.Category] = append(byCategory[s.Category], s)
	}
	for _, category := range order {
		fmt.Fprintf(&out, "\n## %s\n\n| name | default | meaning |\n|---|---|---|\n", category)
		for _, s := range byCategory[category] {
			fmt.Fprintf(&out, "| %s | %s | %s |\n", s.names(), cell(s.Show(s.Default)), cell(s.meaning()))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (s *Setting) names() string {
	names := "`" + s.Name + "`"
	for _, a := range s.Aliases {
		names += ", `" + a + "`"
	}
	return names
}

func (s *Setting) meaning() string {
	help := s.Help
	if len(s.Options) > 0 {
		help += " One of " + strings.Join(s.Options, ", ") + "."
	}
	if s.ReadOnly {
		help += " *Fixed.*"
	}
	if s.Query {
		help += " *Kept.*"
	}
	return help
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
