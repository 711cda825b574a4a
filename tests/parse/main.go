// Command parse tells how much of a folder's SQL the parser understands: each statement is parsed, printed and parsed
// again, the two trees must be equal, the second print must equal the first, and names must stand where their positions
// say.
//
//	go run ./tests/parse [-v] DIR…
//
// A folder is one of: ksqlDB's test corpus (…-validation-tests/*.json and *.sql), captures of clients (*.jsonl), or
// sqllogictests with a manifest.tsv, of which the tiers A and B are read. Statements a suite expects to be syntax errors
// must be refused. The last line is "N passed, N failed, N skipped".
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	verbose := flag.Bool("v", false, "list failures")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: parse [-v] DIR…")
		os.Exit(2)
	}
	out := bufio.NewWriter(os.Stdout)
	total := &tally{verbose: *verbose, out: out}
	for _, dir := range flag.Args() {
		t := &tally{verbose: *verbose, out: out}
		if err := run(dir, t); err != nil {
			fmt.Fprintf(out, "%s: skipped: %v\n", dir, err)
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", dir, t)
		total.add(t)
	}
	fmt.Fprintln(out, total)
	_ = out.Flush()
	if total.failed > 0 {
		os.Exit(1)
	}
}

// run reads every file below dir that it knows.
func run(dir string, t *tally) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	if m, err := os.ReadFile(filepath.Join(dir, "manifest.tsv")); err == nil {
		return runLogicTests(dir, string(m), t)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case strings.HasSuffix(path, ".jsonl"):
			return runCapture(path, name, t)
		case strings.HasSuffix(path, ".json") && strings.Contains(path, "-validation-tests"):
			return runCases(path, name, t)
		case strings.HasSuffix(path, ".sql"):
			return runScript(path, name, t)
		}
		return nil
	})
}

// tally counts.
type tally struct {
	passed, failed, skipped int
	diverged                []string // accepted on purpose where the suite expects a syntax error: among the failed
	verbose                 bool
	out                     *bufio.Writer
}

func (t *tally) add(o *tally) {
	t.passed += o.passed
	t.failed += o.failed
	t.skipped += o.skipped
}

func (t *tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}

// count records the outcome of a statement.
func (t *tally) count(where, sql string, err error) {
	if err == nil {
		t.passed++
		return
	}
	t.failed++
	if t.verbose {
		fmt.Fprintf(t.out, "--- %s\n%s\n    %v\n", where, strings.TrimSpace(sql), err)
	}
}

// sorted lists the keys of a set.
func sorted(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for k := range set {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
