package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/freshetdb/freshet/sql/parser"
)

// longestLine bounds a line of a capture.
const longestLine = 16 << 20

// runCapture reads what clients sent: one JSON object a line, with the statement as "sql".
func runCapture(path, name string, t *tally) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var entry struct {
			SQL  string `json:"sql"`
			Code string `json:"errcode"`
		}
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			return err
		}
		if entry.Code == "42601" {
			t.count(name, entry.SQL, refused(entry.SQL))
			continue
		}
		t.count(name, entry.SQL, understand(entry.SQL))
	}
	return lines.Err()
}

// testCase is a case of ksqlDB's validation tests.
type testCase struct {
	Name       string   `json:"name"`
	Statements []string `json:"statements"`
	Exception  *struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"expectedException"`
}

const parseFailure = "ParseFailedException"

// runCases reads a file of cases. Only the last statement of a case can be the one that fails.
func runCases(path, name string, t *tally) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file struct {
		Tests []testCase `json:"tests"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return err
	}
	for _, c := range file.Tests {
		where := name + ": " + c.Name
		for i, s := range c.Statements {
			last := i == len(c.Statements)-1
			switch {
			case c.Exception != nil && strings.HasSuffix(c.Exception.Type, parseFailure) && last:
				t.count(where, s, refused(s))
			default:
				t.count(where, s, understand(replaced(s)))
			}
		}
	}
	return nil
}

var expectedError = regexp.MustCompile(`(?m)^--@expected\.error:\s*(\S+)`)

// runScript reads a script, statement by statement. In ksqlDB's own scripts the last statement of a block may be expected
// to fail.
func runScript(path, name string, t *tally) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i, block := range strings.Split(string(text), testMark) {
		if i > 0 {
			block = testMark + block // a comment up to the end of the line
		}
		expected := expectedError.FindStringSubmatch(block)
		segments := parser.Split(block)
		for n, s := range segments {
			sql := s.Text(block)
			switch {
			case expected != nil && strings.HasSuffix(expected[1], parseFailure) && n == len(segments)-1:
				t.count(name, sql, refused(sql))
			default:
				t.count(name, sql, understand(replaced(sql)))
			}
		}
	}
	return nil
}

// testMark begins a test in ksqlDB's scripts.
const testMark = "--@test:"

// runLogicTests reads the sqllogictests a manifest puts into tier A or B.
func runLogicTests(dir, manifest string, t *tally) error {
	for i, line := range strings.Split(strings.TrimSpace(manifest), "\n") {
		columns := strings.Split(line, "\t")
		const tier = 7
		if i == 0 || len(columns) <= tier || columns[tier] != "A" && columns[tier] != "B" {
			continue
		}
		for _, half := range []string{"slt-visible", "slt-common", "."} {
			text, err := os.ReadFile(filepath.Join(dir, half, columns[0]))
			if err == nil {
				runLogicTest(columns[0], string(text), t)
				break
			}
		}
	}
	return nil
}

// variable is what the runner of the suite would replace first.
var variable = regexp.MustCompile(`\$\{\w+\}|\$[A-Za-z_]\w*`)

// replaced puts a word in the place of every variable that can be a name as well as a kind of relation.
func replaced(sql string) string { return variable.ReplaceAllString(sql, "view") }

var bareError = map[string]bool{"statement error": true, "query error": true}

// syntaxWording tells errors of a parser from all others.
var syntaxWording = regexp.MustCompile(`(?i)sql parser error|syntax error`)

// runLogicTest reads one file of records: a head, the statement, and what is expected of it.
func runLogicTest(name, text string, t *tally) {
	lines := strings.Split(text, "\n")
	substitution := !strings.Contains(text, "$$") // else a dollar quotes
	for i := 0; i < len(lines); i++ {
		head := strings.TrimSpace(lines[i])
		if !strings.HasPrefix(head, "statement ") && !strings.HasPrefix(head, "query ") {
			continue
		}
		var sql []string
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "" && strings.TrimSpace(lines[i]) != "----"; i++ {
			sql = append(sql, lines[i])
		}
		var expected []string
		if i < len(lines) && strings.TrimSpace(lines[i]) == "----" {
			for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
				expected = append(expected, lines[i])
			}
		}
		statement := strings.Join(sql, "\n")
		if substitution {
			statement = replaced(statement)
		}
		isError := strings.HasPrefix(head, "statement error") || strings.HasPrefix(head, "query error")
		switch {
		case isError && syntaxWording.MatchString(head+strings.Join(expected, "\n")):
			t.count(name, statement, refused(statement))
		case isError && len(expected) == 0 && bareError[head] && refused(statement) == nil:
			t.passed++ // any error will do
		default:
			t.count(name, statement, understand(statement))
		}
	}
}
