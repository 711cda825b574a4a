package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/cli/client"
)

// TestText shows how input is cut into statements and how errors point into them.
func TestText(t *testing.T) {
	datadriven.RunTest(t, "testdata/text", func(t *testing.T, d *datadriven.TestData) string {
		var out strings.Builder
		switch d.Cmd {
		case "split":
			statements, rest := split(d.Input)
			for _, s := range statements {
				fmt.Fprintf(&out, "statement %q\n", s)
			}
			fmt.Fprintf(&out, "rest %q\n", rest)
		case "error":
			m := &client.Message{Code: "42703", Message: `column "x" does not exist`, Hint: `did you mean "y"?`}
			d.ScanArgs(t, "at", &m.Position)
			showError(&out, d.Input, m)
		case "keys":
			for b := []byte(strings.NewReplacer("<esc>", "\x1b", "<ctrl-u>", "\x15", "<enter>", "\r").Replace(d.Input)); len(b) > 0; {
				n := keyLen(b)
				fmt.Fprintf(&out, "%q\n", b[:n])
				b = b[n:]
			}
		case "endless":
			fmt.Fprintln(&out, endless(d.Input))
		}
		return out.String()
	})
}

// TestHistory keeps statements for the next session, but no secrets and no repetitions, in a file nobody else can read.
func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	h := openHistory(path)
	for _, s := range []string{"SELECT\n  1", "SELECT 1", "CREATE USER u WITH PASSWORD 'x'", "SHOW TABLES"} {
		h.add(s)
	}
	if got := strings.Join(openHistory(path).entries, "|"); got != "SELECT 1|SHOW TABLES" {
		t.Errorf("history is %q", got)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("history can be read by others: %v", info.Mode())
	}
}
