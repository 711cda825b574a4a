package settings

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/settings.md anew")

func TestReferenceIsUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := New().Markdown(&want); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "reference", "settings.md")
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("docs/reference/settings.md is old: go test ./sql/settings -update (%v)", err)
	}
}
