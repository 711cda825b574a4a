package docs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/freshetdb/freshet/sql/format/builtin"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/tests/harness"
)

// TestStatements runs the statements of docs/reference/statements.md: those that should run, run, and those that should not answer 0A000.
func TestStatements(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "reference", "statements.md"))
	if err != nil {
		t.Fatal(err)
	}
	conn := harness.Connect(t, harness.StartNode(t).Addresses().Postgres)
	section, ran := "", map[string]int{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
		}
		rest, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		statement, _, _ := strings.Cut(rest, "` |")
		_, err := conn.Exec(t.Context(), strings.ReplaceAll(statement, `\|`, "|")).ReadAll()
		ran[section]++
		var answer *pgconn.PgError
		switch {
		case section == "Runs" && err != nil:
			t.Errorf("%s: %v", statement, err)
		case section == "Refused" && err == nil:
			t.Errorf("%s: runs", statement)
		case section == "Refused" && (!errors.As(err, &answer) || answer.Code != string(sqlerr.FeatureNotSupported) || answer.Position == 0):
			t.Errorf("%s: %v, not 0A000 with a position", statement, err)
		}
	}
	if ran["Runs"] == 0 || ran["Refused"] == 0 {
		t.Fatalf("statements by section: %v", ran)
	}
}

// TestFormats holds docs/reference/formats.md against the registry.
func TestFormats(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "reference", "formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range builtin.New().Names() {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("formats.md has no line for %s", name)
		}
	}
}
