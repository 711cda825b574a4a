// Command generate writes the reference pages that have a registry in the code: functions, settings, configuration, topic configs,
// SQLSTATEs, Kafka APIs, metrics. `make generate` runs it; its test fails when a page is stale.
package main

//go:generate go run . -root ../..

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "`DIR` of the repository")
	flag.Parse()
	if err := run(context.Background(), *root); err != nil { //nolint:forbidigo // where ctx begins
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string) error {
	list, err := pages(ctx, root)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := os.WriteFile(p.path(root), p.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// page is one generated file of docs/reference.
type page struct {
	name string
	text []byte
}

func (p page) path(root string) string { return filepath.Join(root, "docs", "reference", p.name) }
