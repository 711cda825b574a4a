package render

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
)

// heldRows is how many rows a table looks at before it fixes its columns' widths.
const heldRows = 500

// table draws psql's aligned rows. It holds rows back to learn widths; later rows that are wider break the line's alignment, not the data.
type table struct {
	out    *bufio.Writer
	opts   Options
	cols   []Column
	widths []int
	held   [][]string
	drawn  bool
	rows   int
}

func (t *table) Begin(cols []Column) error {
	t.cols, t.held, t.drawn, t.rows = cols, nil, false, 0
	t.widths = make([]int, len(cols))
	for i, c := range cols {
		if !t.opts.Headerless {
			t.widths[i] = runewidth.StringWidth(c.Name)
		}
	}
	return nil
}

func (t *table) Row(values [][]byte) error {
	t.rows++
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = printable(v, t.opts.Null)
		if !t.drawn {
			t.widths[i] = max(t.widths[i], runewidth.StringWidth(cells[i]))
		}
	}
	if !t.drawn {
		t.held = append(t.held, cells)
		if len(t.held) < heldRows {
			return nil
		}
		return t.Flush()
	}
	return t.line(cells)
}

func (t *table) Flush() error {
	if !t.drawn {
		t.drawn = true
		if !t.opts.Headerless {
			t.heading()
		}
		for _, cells := range t.held {
			if err := t.line(cells); err != nil {
				return err
			}
		}
		t.held = nil
	}
	return t.out.Flush()
}

func (t *table) heading() {
	for i, c := range t.cols {
		if i > 0 {
			t.out.WriteByte('|')
		}
		pad := t.widths[i] - runewidth.StringWidth(c.Name)
		left := pad / 2
		fmt.Fprintf(t.out, " %s%s%s ", strings.Repeat(" ", left), c.Name, strings.Repeat(" ", pad-left))
	}
	t.out.WriteByte('\n')
	for i, w := range t.widths {
		if i > 0 {
			t.out.WriteByte('+')
		}
		t.out.WriteString(strings.Repeat("-", w+2))
	}
	t.out.WriteByte('\n')
}

func (t *table) line(cells []string) error {
	for i, c := range cells {
		if i > 0 {
			t.out.WriteByte('|')
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-runewidth.StringWidth(c)))
		switch {
		case t.cols[i].Kind == Number:
			fmt.Fprintf(t.out, " %s%s ", pad, c)
		case i == len(cells)-1:
			fmt.Fprintf(t.out, " %s", c)
		default:
			fmt.Fprintf(t.out, " %s%s ", c, pad)
		}
	}
	return t.out.WriteByte('\n')
}

func (t *table) End() error {
	if err := t.Flush(); err != nil {
		return err
	}
	if !t.opts.Headerless {
		noun := "rows"
		if t.rows == 1 {
			noun = "row"
		}
		fmt.Fprintf(t.out, "(%d %s)\n", t.rows, noun)
	}
	return t.out.Flush()
}

// printable is a value on one line: control characters are escaped, so that data cannot steer the terminal.
func printable(v []byte, null string) string {
	if v == nil {
		return null
	}
	clean := true
	for _, c := range v {
		if c < ' ' || c == 0x7f || c == 0xc2 { // 0xc2 begins the C1 controls
			clean = false
			break
		}
	}
	if clean {
		return string(v)
	}
	var b strings.Builder
	for _, r := range string(v) {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < ' ' || (r >= 0x7f && r < 0xa0):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// vertical shows a record a block, a column a line.
type vertical struct {
	out   *bufio.Writer
	opts  Options
	cols  []Column
	width int
	rows  int
}

func (v *vertical) Begin(cols []Column) error {
	v.cols, v.width, v.rows = cols, 0, 0
	for _, c := range cols {
		v.width = max(v.width, runewidth.StringWidth(c.Name))
	}
	return nil
}

func (v *vertical) Row(values [][]byte) error {
	v.rows++
	fmt.Fprintf(v.out, "-[ RECORD %d ]%s\n", v.rows, strings.Repeat("-", max(0, v.width-8)))
	for i, value := range values {
		fmt.Fprintf(v.out, "%s%s | %s\n", v.cols[i].Name, strings.Repeat(" ", v.width-runewidth.StringWidth(v.cols[i].Name)), printable(value, v.opts.Null))
	}
	return nil
}

func (v *vertical) Flush() error { return v.out.Flush() }

func (v *vertical) End() error {
	if v.rows == 0 {
		fmt.Fprintln(v.out, "(0 rows)")
	}
	return v.out.Flush()
}

// markdown writes a pipe table.
type markdown struct {
	out  *bufio.Writer
	opts Options
}

func (m *markdown) Begin(cols []Column) error {
	for _, c := range cols {
		fmt.Fprintf(m.out, "| %s ", strings.ReplaceAll(c.Name, "|", `\|`))
	}
	m.out.WriteString("|\n")
	for _, c := range cols {
		if c.Kind == Number {
			m.out.WriteString("| ---: ")
		} else {
			m.out.WriteString("| --- ")
		}
	}
	_, err := m.out.WriteString("|\n")
	return err
}

func (m *markdown) Row(values [][]byte) error {
	for _, v := range values {
		fmt.Fprintf(m.out, "| %s ", strings.ReplaceAll(printable(v, m.opts.Null), "|", `\|`))
	}
	_, err := m.out.WriteString("|\n")
	return err
}

func (m *markdown) Flush() error { return m.out.Flush() }
func (m *markdown) End() error   { return m.out.Flush() }
