package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDependencies holds docs/reference/dependencies.md against go.mod: each direct requirement that is imported has a line, and no other module.
func TestDependencies(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "reference", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\t?([a-z][\w.-]*\.[a-z]+/\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		required[m[1]] = true
	}
	described := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		described[m[1]] = true
		if !required[m[1]] {
			t.Errorf("dependencies.md describes %s, which go.mod does not require", m[1])
		}
	}
	if len(required) == 0 || len(described) == 0 {
		t.Fatalf("found %d requirements and %d descriptions", len(required), len(described))
	}
	used := imports(t)
	for name := range required {
		if used(name) && !described[name] {
			t.Errorf("dependencies.md has no line for %s", name)
		}
	}
}

// imports tells of a module whether a file of ours imports a package of it.
func imports(t *testing.T) func(module string) bool {
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			if name, err := strconv.Unquote(spec.Path.Value); err == nil {
				names[name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(module string) bool {
		for name := range names {
			if name == module || strings.HasPrefix(name, module+"/") {
				return true
			}
		}
		return false
	}
}
