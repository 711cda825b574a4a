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
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	verbose := flag.Bool("v", false, "list failures")
	least := flag.Float64("least", 99, "percentage that must pass in each folder")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: parse [-v] DIR…")
		os.Exit(2)
	}
	out := bufio.NewWriter(os.Stdout)
	total := &tally{verbose: *verbose, out: out}
	enough := true
	for _, dir := range flag.Args() {
		t := &tally{verbose: *verbose, out: out}
		if err := run(dir, t); err != nil {
			fmt.Fprintf(out, "%s: skipped: %v\n", dir, err)
			continue
		}
		fmt.Fprintf(out, "%s: %s (%.2f %%)\n", dir, t, t.rate())
		if t.diverged > 0 {
			fmt.Fprintf(out, "    of the failed, %d are accepted though the suite expects a syntax error\n", t.diverged)
		}
		enough = enough && t.rate() >= *least
		total.add(t)
	}
	fmt.Fprintln(out, total)
	_ = out.Flush()
	if !enough {
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

// tally counts statements.
type tally struct {
	passed, failed, skipped int
	diverged                int // among the failed: accepted where the suite expects a syntax error
	verbose                 bool
	out                     *bufio.Writer
}

func (t *tally) add(o *tally) {
	t.passed += o.passed
	t.failed += o.failed
	t.skipped += o.skipped
}

// rate is how many of a hundred statements passed; an empty folder has none that failed.
func (t *tally) rate() float64 {
	all := t.passed + t.failed + t.skipped
	if all == 0 {
		return 100
	}
	return 100 * float64(t.passed) / float64(all)
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
	if errors.Is(err, errAccepted) {
		t.diverged++
	}
	if t.verbose {
		fmt.Fprintf(t.out, "--- %s\n%s\n    %v\n", where, strings.TrimSpace(sql), err)
	}
}
