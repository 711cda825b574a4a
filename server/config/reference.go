package config

import (
	"fmt"
	"io"
)

// Markdown writes docs/reference/config.md: every option with its environment variable, default and meaning.
func Markdown(w io.Writer) error {
	_, err := fmt.Fprintf(w, `# Configuration

A node needs none. An option is a flag of `+"`freshet serve`"+`, an environment variable, or a line of a TOML file named by `+
		"`--config` or `%s`"+`; flags win over the environment, the environment over the file. Sizes are bytes or have a unit
(KiB, MiB, GiB), durations look like 500ms, 30s, 5m. The address host `+"`localhost`"+` means both 127.0.0.1 and ::1, port 0 any
free port, and `+"`off`"+` no listener.

| flag | environment | default | meaning |
|---|---|---|---|
`, FileVariable)
	if err != nil {
		return err
	}
	for _, o := range Options() {
		def := o.Default
		if o.Name == "data-dir" {
			def = "$XDG_DATA_HOME/freshet or ~/.local/share/freshet"
		}
		name := "--" + o.Name
		if o.Value != "" {
			name += " " + o.Value
		}
		if _, err := fmt.Fprintf(w, "| `%s` | `%s` | %s | %s |\n", name, EnvName(o.Name), def, o.Help); err != nil {
			return err
		}
	}
	return nil
}
