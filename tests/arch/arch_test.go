// Package arch holds the house's plan against the code: who may import whom, and where third-party modules live.
package arch

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/freshetdb/freshet/"
)

// readRules reads "name: word word" lines, in order.
func readRules(t *testing.T, file string) (order []string, rules map[string][]string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rules = map[string][]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, words, found := strings.Cut(line, ":")
		if !found {
			t.Fatalf("%s: no colon in %q", file, line)
		}
		order = append(order, name)
		rules[name] = strings.Fields(words)
	}
	return order, rules
}

// imports lists, for every package of the product, what its non-test files import.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if skip := d.Name() == "testdata" || rel == "tests" || rel == "docs" || (strings.HasPrefix(d.Name(), ".") && rel != "."); skip {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !slices.Contains(found[pkg], name) {
				found[pkg] = append(found[pkg], name)
			}
		}
		if found[pkg] == nil {
			found[pkg] = []string{}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestImportGraph holds every import of ours against imports.txt.
func TestImportGraph(t *testing.T) {
	order, rules := readRules(t, "imports.txt")
	for pkg, names := range imports(t) {
		allowed, listed := rules[pkg]
		if !listed {
			t.Errorf("package %s has no line in imports.txt", pkg)
			continue
		}
		for _, name := range names {
			ours, is := strings.CutPrefix(name, module)
			if is && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which its line does not allow", pkg, ours)
			}
		}
	}
	for i, pkg := range order {
		for _, word := range rules[pkg] {
			if at := slices.Index(order, word); at < 0 || at >= i {
				t.Errorf("imports.txt: %s names %s, which does not stand above it", pkg, word)
			}
		}
	}
}

// TestOwners holds third-party imports against owners.txt.
func TestOwners(t *testing.T) {
	_, homes := readRules(t, "owners.txt")
	for pkg, names := range imports(t) {
		for _, name := range names {
			for mod, rooms := range homes {
				if name != mod && !strings.HasPrefix(name, mod+"/") {
					continue
				}
				if !slices.ContainsFunc(rooms, func(room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }) {
					t.Errorf("%s imports %s, which lives in %s", pkg, name, strings.Join(rooms, ", "))
				}
			}
		}
	}
}
