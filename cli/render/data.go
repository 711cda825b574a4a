package render

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"strconv"
)

// jsonRows writes objects: an array of them, or one a line. Numbers and booleans are bare, documents as they are, the rest strings.
type jsonRows struct {
	out   *bufio.Writer
	array bool
	names []string
	kinds []Kind
	rows  int
}

func (j *jsonRows) Begin(cols []Column) error {
	j.rows, j.names, j.kinds = 0, nil, nil
	for _, c := range cols {
		name, err := json.Marshal(c.Name)
		if err != nil {
			return err
		}
		j.names, j.kinds = append(j.names, string(name)), append(j.kinds, c.Kind)
	}
	if j.array {
		return j.out.WriteByte('[')
	}
	return nil
}

func (j *jsonRows) Row(values [][]byte) error {
	if j.array {
		if j.rows > 0 {
			j.out.WriteByte(',')
		}
		j.out.WriteString("\n ")
	}
	j.rows++
	j.out.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			j.out.WriteByte(',')
		}
		j.out.WriteString(j.names[i])
		j.out.WriteByte(':')
		if err := j.value(v, j.kinds[i]); err != nil {
			return err
		}
	}
	j.out.WriteByte('}')
	if !j.array {
		return j.out.WriteByte('\n')
	}
	return nil
}

func (j *jsonRows) value(v []byte, k Kind) error {
	text := string(v)
	switch {
	case v == nil:
		text = "null"
	case k == Bool && (text == "t" || text == "f"):
		text = strconv.FormatBool(text == "t")
	case (k == Number || k == Document) && json.Valid(v):
	default:
		quoted, err := json.Marshal(text)
		if err != nil {
			return err
		}
		text = string(quoted)
	}
	_, err := j.out.WriteString(text)
	return err
}

func (j *jsonRows) Flush() error { return j.out.Flush() }

func (j *jsonRows) End() error {
	if j.array {
		if j.rows > 0 {
			j.out.WriteByte('\n')
		}
		j.out.WriteString("]\n")
	}
	return j.out.Flush()
}

// csvRows writes RFC 4180: null is an empty field without quotes.
type csvRows struct {
	out  *bufio.Writer
	opts Options
	csv  *csv.Writer
	line []string
}

func (c *csvRows) Begin(cols []Column) error {
	c.csv = csv.NewWriter(c.out)
	if c.opts.Headerless {
		return nil
	}
	c.line = c.line[:0]
	for _, col := range cols {
		c.line = append(c.line, col.Name)
	}
	return c.csv.Write(c.line)
}

func (c *csvRows) Row(values [][]byte) error {
	c.line = c.line[:0]
	for _, v := range values {
		c.line = append(c.line, string(v))
	}
	return c.csv.Write(c.line)
}

func (c *csvRows) Flush() error {
	if c.csv != nil {
		c.csv.Flush()
		if err := c.csv.Error(); err != nil {
			return err
		}
	}
	return c.out.Flush()
}

func (c *csvRows) End() error { return c.Flush() }
