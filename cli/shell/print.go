package shell

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/freshetdb/freshet/cli/client"
	"github.com/freshetdb/freshet/cli/render"
)

// printer shows answers as they come. It implements client.Handler.
type printer struct {
	out, err io.Writer
	format   render.Format
	opts     render.Options
	quiet    bool // no tags, no notices
	live     bool // rows are shown at once
	writer   render.Writer
	rows     int64
}

// Columns implements client.Handler.
func (p *printer) Columns(cols []client.Column) error {
	p.writer = render.New(p.format, p.out, p.opts)
	shown := make([]render.Column, len(cols))
	for i, c := range cols {
		shown[i] = render.Column{Name: c.Name, Kind: kindOf(c.OID)}
	}
	return p.writer.Begin(shown)
}

// kindOf groups Postgres' type OIDs (pg_type.dat) by how they are shown.
func kindOf(oid uint32) render.Kind {
	switch oid {
	case 16:
		return render.Bool
	case 20, 21, 23, 26, 700, 701, 1700:
		return render.Number
	case 114, 3802:
		return render.Document
	}
	return render.Text
}

// Row implements client.Handler.
func (p *printer) Row(values [][]byte) error {
	p.rows++
	if err := p.writer.Row(values); err != nil {
		return err
	}
	if p.live {
		return p.writer.Flush()
	}
	return nil
}

// Done implements client.Handler.
func (p *printer) Done(tag string) error {
	if p.writer != nil {
		err := p.writer.End()
		p.writer = nil
		return err
	}
	if tag != "" && !p.quiet {
		fmt.Fprintln(p.out, tag)
	}
	return nil
}

// cut ends a result that an error or a cancel broke off.
func (p *printer) cut() {
	if p.writer != nil {
		_ = p.writer.Flush()
		p.writer = nil
	}
}

// Notice implements client.Handler.
func (p *printer) Notice(m *client.Message) {
	if p.quiet {
		return
	}
	fmt.Fprintf(p.err, "%s:  %s\n", m.Severity, m.Message)
	if m.Hint != "" {
		fmt.Fprintf(p.err, "HINT:  %s\n", m.Hint)
	}
}

// showError prints an error the way psql does: the line at fault, a caret, detail and hint.
func showError(w io.Writer, statement string, m *client.Message) {
	fmt.Fprintf(w, "ERROR:  %s: %s\n", m.Code, m.Message)
	if line, number, caret, ok := lineAt(statement, m.Position); ok {
		label := fmt.Sprintf("LINE %d: ", number)
		fmt.Fprintf(w, "%s%s\n%s^\n", label, line, strings.Repeat(" ", len(label)+caret))
	}
	if m.Detail != "" {
		fmt.Fprintf(w, "DETAIL:  %s\n", m.Detail)
	}
	if m.Hint != "" {
		fmt.Fprintf(w, "HINT:  %s\n", m.Hint)
	}
}

// lineAt finds the line of a 1-based character position, its number and the caret's column.
func lineAt(text string, position int) (line string, number, caret int, ok bool) {
	if position <= 0 {
		return "", 0, 0, false
	}
	at := 0
	for range position - 1 {
		if at >= len(text) {
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	begin := strings.LastIndexByte(text[:at], '\n') + 1
	end := len(text)
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		end = at + i
	}
	return text[begin:end], strings.Count(text[:begin], "\n") + 1, utf8.RuneCountInString(text[begin:at]), true
}
