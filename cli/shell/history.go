package shell

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// historyLines is how many statements the history file keeps.
const historyLines = 1000

// secret matches statements that must not be written down.
var secret = regexp.MustCompile(`(?i)password|secret|credential|sasl|api[._]?key`)

// history is the statements of earlier sessions, in a file only its owner can read.
type history struct {
	path    string // empty: not kept
	entries []string
}

func openHistory(path string) *history {
	h := &history{path: path}
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		h.entries = append(h.entries, sc.Text())
	}
	if len(h.entries) > historyLines {
		h.entries = h.entries[len(h.entries)-historyLines:]
	}
	return h
}

// defaultHistory is where the history lies unless told otherwise.
func defaultHistory() string {
	if path, ok := os.LookupEnv("FRESHET_HISTORY"); ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".freshet_history")
}

// add keeps a statement, on one line, unless it holds a secret or repeats the one before.
func (h *history) add(statement string) {
	line := strings.Join(strings.Fields(statement), " ")
	if line == "" || secret.MatchString(line) || (len(h.entries) > 0 && h.entries[len(h.entries)-1] == line) {
		return
	}
	h.entries = append(h.entries, line)
	if h.path == "" {
		return
	}
	f, err := os.OpenFile(h.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return // a history that cannot be written must not keep anybody from working
	}
	defer func() { _ = f.Close() }()
	_, _ = f.WriteString(line + "\n")
}
