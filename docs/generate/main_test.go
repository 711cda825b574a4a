package main

import (
	"bytes"
	"os"
	"testing"
)

// TestPagesAreFresh holds the pages against what they are generated from.
func TestPagesAreFresh(t *testing.T) {
	const root = "../.."
	list, err := pages(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		have, err := os.ReadFile(p.path(root))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(have, p.text) {
			t.Errorf("docs/reference/%s is stale: run make generate and read the diff", p.name)
		}
	}
}
