package parser

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// notKeywords are words in quotes in our sources that no token is compared with.
var notKeywords = wordSet("ENCRYPTED STRING")

// A token is compared with keywords by their spelling in the table: a word that is missing there would never be found.
func TestEveryWordOfTheGrammarIsAKeyword(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`"([A-Z][A-Z_]+)"`)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range words.FindAllStringSubmatch(string(text), -1) {
			if keywords[m[1]] == "" && !notKeywords[m[1]] {
				t.Errorf("%s: %s is not a keyword", f, m[1])
			}
		}
	}
}

func TestStatementWordsHaveReaders(t *testing.T) {
	p := &parser{}
	for _, w := range statementWords {
		switch w {
		case "SELECT", "VALUES", "TABLE":
		default:
			if p.reader(w) == nil {
				t.Errorf("nobody reads %s", w)
			}
		}
	}
}
