package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/settings"
)

// pages makes every page. It reads sources below root and starts a node in a temporary directory to ask what it serves.
func pages(ctx context.Context, root string) ([]page, error) {
	node, err := startNode(ctx)
	if err != nil {
		return nil, err
	}
	defer node.close()
	var list []page
	for _, p := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"functions.md", builtin.New().Markdown},
		{"settings.md", writeSettings},
		{"config.md", config.Markdown},
		{"kafka-configs.md", writeKafkaConfigs},
		{"errors.md", func(w io.Writer) error { return writeErrors(w, root) }},
		{"kafka-apis.md", func(w io.Writer) error { return node.writeAPIs(ctx, w) }},
		{"metrics.md", func(w io.Writer) error { return node.writeMetrics(ctx, w) }},
	} {
		var b bytes.Buffer
		if err := p.write(&b); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		list = append(list, page{p.name, b.Bytes()})
	}
	return list, nil
}

// cell keeps text inside a table's cell.
func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", " ")
}

// code is text in a table's cell as code; nothing for nothing.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

func writeSettings(w io.Writer) error {
	fmt.Fprint(w, `# Settings

Generated from the registry. A setting is changed by `+"`SET name = value`, `SET LOCAL` and `RESET`"+`, for a session, and read by
`+"`SHOW name` or `SHOW ALL`"+`. "Kept" settings are recorded with a query when it is created and stay as they were then.
`)
	var order []string
	groups := map[string][]*settings.Setting{}
	var inert []string
	for _, s := range settings.New().All() {
		if s.Help == inertHelp {
			inert = append(inert, code(s.Name))
			continue
		}
		if groups[s.Category] == nil {
			order = append(order, s.Category)
		}
		groups[s.Category] = append(groups[s.Category], s)
	}
	for _, category := range sorted(order) {
		fmt.Fprintf(w, "\n## %s\n\n| setting | values | default | kept | meaning |\n|---|---|---|---|---|\n", category)
		for _, s := range groups[category] {
			writeSetting(w, s)
		}
	}
	_, err := fmt.Fprintf(w, "\n## Accepted, without effect\n\nScripts set these; here they change nothing: %s.\n", strings.Join(inert, ", "))
	return err
}

// inertHelp marks settings that are known and change nothing.
const inertHelp = "Has no effect."

func writeSetting(w io.Writer, s *settings.Setting) {
	names := []string{code(s.Name)}
	for _, a := range s.Aliases {
		names = append(names, code(a))
	}
	kept := ""
	switch {
	case s.Query:
		kept = "yes"
	case s.ReadOnly:
		kept = "read only"
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", strings.Join(names, "<br>"), settingValues(s), code(s.Show(s.Default)), kept, cell(s.Help))
}

func settingValues(s *settings.Setting) string {
	span := ""
	if s.Max > s.Min {
		span = fmt.Sprintf(" from %.0f to %.0f", s.Min, s.Max)
	}
	switch s.Kind {
	case settings.Bool:
		return "on, off"
	case settings.Enum:
		var words []string
		for _, o := range s.Options {
			words = append(words, cmp.Or(code(o), "(empty)"))
		}
		return strings.Join(words, ", ")
	case settings.Int, settings.Float:
		return "number" + span
	case settings.Time:
		return "time" + span + " " + unit(s.Unit)
	case settings.Text:
		return "text"
	}
	return s.Kind.String()
}

func unit(d time.Duration) string {
	switch d {
	case time.Millisecond:
		return "ms"
	case time.Second:
		return "s"
	case time.Minute:
		return "min"
	}
	return d.String()
}
