package shell

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	prompt "github.com/c-bata/go-prompt"
	"golang.org/x/term"
)

// LineReader reads what a person types, a line at a time.
type LineReader interface {
	// Run hands every line to take until take returns false, the input ends or ctx does. primary gives the prompt before each line.
	Run(ctx context.Context, primary func() string, take func(line string) bool) error
}

// plainLines reads lines of a pipe or file; it shows no prompt.
type plainLines struct{ in io.Reader }

// lineBytesMax bounds a line of a script: a statement of 64 MiB is not a statement.
const lineBytesMax = 64 << 20

func (p *plainLines) Run(ctx context.Context, _ func() string, take func(string) bool) error {
	sc := bufio.NewScanner(p.in)
	sc.Buffer(make([]byte, 64<<10), lineBytesMax)
	for ctx.Err() == nil && sc.Scan() {
		if !take(sc.Text()) {
			return nil
		}
	}
	return sc.Err()
}

// Suggestion is one completion.
type Suggestion struct{ Text, Description string }

// promptLines edits lines with go-prompt. It mends what go-prompt 0.2.6 breaks: the terminal's state is saved before the first prompt and
// restored before every execution and at the end (go-prompt leaves it raw, so Ctrl-C could not cancel a query), and what arrives in
// one read is handed on key by key (a pasted "select 1;\r" would be text that never executes).
type promptLines struct {
	complete func(before string) []Suggestion
	history  []string
	abandon  func() // Ctrl-C: what was typed so far is forgotten
}

// errNoTerminal says that there is nothing to edit lines on.
var errNoTerminal = errors.New("standard input is not a terminal")

func (p *promptLines) Run(ctx context.Context, primary func() string, take func(string) bool) error {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return errNoTerminal
	}
	saved, err := term.GetState(fd)
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(fd, saved) }()
	more := true
	execute := func(line string) {
		_ = term.Restore(fd, saved)
		more = take(strings.ReplaceAll(line, "\r", "\n"))
	}
	editor := prompt.New(execute, p.suggest,
		prompt.OptionParser(&keyParser{PosixParser: prompt.NewStandardInputParser()}),
		prompt.OptionLivePrefix(func() (string, bool) { return primary(), true }),
		prompt.OptionHistory(p.history),
		prompt.OptionAddKeyBind(prompt.KeyBind{Key: prompt.ControlC, Fn: func(*prompt.Buffer) { p.abandon() }}),
		prompt.OptionTitle("freshet"),
		prompt.OptionCompletionWordSeparator(wordSeparators),
		prompt.OptionMaxSuggestion(8),
		prompt.OptionPrefixTextColor(prompt.DefaultColor),
		prompt.OptionInputTextColor(prompt.DefaultColor),
		prompt.OptionSetExitCheckerOnInput(func(_ string, entered bool) bool { return entered && !more }),
	)
	// go-prompt cannot be told to end. When ctx does (SIGTERM, the terminal is gone), its goroutine is left to the end of the process.
	over := make(chan struct{})
	go func() {
		defer close(over)
		editor.Run()
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
	return nil
}

// wordSeparators end the word that a completion replaces.
const wordSeparators = " \t\n(),;=<>"

func (p *promptLines) suggest(d prompt.Document) []prompt.Suggest {
	word := d.GetWordBeforeCursorUntilSeparator(wordSeparators)
	if word == "" {
		return nil
	}
	var out []prompt.Suggest
	for _, s := range p.complete(word) {
		out = append(out, prompt.Suggest{Text: s.Text, Description: s.Description})
	}
	return out
}

// keyParser hands on what one read brought key by key: go-prompt takes a read for one key, so that a pasted "select 1;\r", or a key
// struck while the machine was busy, would become text.
type keyParser struct {
	*prompt.PosixParser
	pending []byte
}

// Read implements prompt.ConsoleParser.
func (k *keyParser) Read() ([]byte, error) {
	if len(k.pending) == 0 {
		b, err := k.PosixParser.Read()
		if err != nil {
			return b, err
		}
		k.pending = b
	}
	n := keyLen(k.pending)
	key := k.pending[:n]
	k.pending = k.pending[n:]
	if n == 1 && key[0] == '\n' {
		return []byte{'\r'}, nil
	}
	return key, nil
}

const (
	escape = 0x1b
	del    = 0x7f
)

// keyLen is the length of the first key of b: a control character, an escape sequence, or a run of text.
func keyLen(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == escape:
		return escapeLen(b)
	case b[0] < ' ' || b[0] == del:
		return 1
	}
	for i, c := range b {
		if c < ' ' || c == del {
			return i
		}
	}
	return len(b)
}

// escapeLen is the length of the escape sequence b begins with. Source: ECMA-48, 5.4 (CSI: parameters, then a final byte).
func escapeLen(b []byte) int {
	if len(b) < 2 || (b[1] != '[' && b[1] != 'O') {
		return min(len(b), 2)
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			return i + 1
		}
	}
	return len(b)
}
