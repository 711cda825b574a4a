package pgwire

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Kinds of messages a client sends.
const (
	kindBind         = 'B'
	kindClose        = 'C'
	kindDescribe     = 'D'
	kindExecute      = 'E'
	kindFunctionCall = 'F'
	kindFlush        = 'H'
	kindParse        = 'P'
	kindQuery        = 'Q'
	kindSync         = 'S'
	kindTerminate    = 'X'
	kindCopyData     = 'd'
	kindCopyDone     = 'c'
	kindCopyFail     = 'f'
)

// scanner takes a message's body apart. pgproto3's own decoders slice before they look, so bad input would panic in them.
type scanner struct {
	b   []byte
	bad bool
}

func (s *scanner) take(n int) []byte {
	if n < 0 || n > len(s.b) {
		s.bad, s.b = true, nil
		return nil
	}
	t := s.b[:n:n]
	s.b = s.b[n:]
	return t
}

func (s *scanner) text() string {
	i := bytes.IndexByte(s.b, 0)
	if i < 0 {
		s.bad, s.b = true, nil
		return ""
	}
	t := string(s.b[:i])
	s.b = s.b[i+1:]
	return t
}

func (s *scanner) byte() byte {
	if t := s.take(1); t != nil {
		return t[0]
	}
	return 0
}

func (s *scanner) uint16() int {
	if t := s.take(2); t != nil {
		return int(binary.BigEndian.Uint16(t))
	}
	return 0
}

func (s *scanner) uint32() uint32 {
	if t := s.take(4); t != nil {
		return binary.BigEndian.Uint32(t)
	}
	return 0
}

// end checks that the whole body was understood.
func (s *scanner) end(message string) error {
	if s.bad || len(s.b) > 0 {
		return violation("invalid " + message + " message")
	}
	return nil
}

func utf8Text(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return sqlerr.Newf(sqlerr.CharacterNotInRepertoire, sqlerr.At(at), "invalid byte sequence for encoding \"UTF8\": 0x%02x", text[at])
}

func decodeQuery(body []byte) (string, error) {
	s := scanner{b: body}
	text := s.text()
	return text, s.end("Query")
}

func decodeParse(body []byte) (m pgproto3.Parse, err error) {
	s := scanner{b: body}
	m.Name, m.Query = s.text(), s.text()
	for n := s.uint16(); n > 0 && !s.bad; n-- {
		m.ParameterOIDs = append(m.ParameterOIDs, s.uint32())
	}
	return m, s.end("Parse")
}

// bind is a Bind message; its slices are reused, and parameters point into the message.
type bind struct {
	portal, statement string
	formats           []int16
	params            [][]byte // nil: null
	results           []int16
}

func (m *bind) decode(body []byte) error {
	s := scanner{b: body}
	m.portal, m.statement = s.text(), s.text()
	m.formats, m.params, m.results = m.formats[:0], m.params[:0], nil
	for n := s.uint16(); n > 0 && !s.bad; n-- {
		m.formats = append(m.formats, int16(s.uint16()))
	}
	for n := s.uint16(); n > 0 && !s.bad; n-- {
		if size := int32(s.uint32()); size == -1 {
			m.params = append(m.params, nil)
		} else {
			m.params = append(m.params, s.take(int(size)))
		}
	}
	if n := s.uint16(); n > 0 && 2*n <= len(s.b) {
		m.results = make([]int16, 0, n)
		for ; n > 0; n-- {
			m.results = append(m.results, int16(s.uint16()))
		}
	}
	return s.end("Bind")
}

// decodeTarget reads Describe and Close: the kind of object, S or P, and its name.
func decodeTarget(body []byte, message string) (object byte, name string, err error) {
	s := scanner{b: body}
	object, name = s.byte(), s.text()
	if err := s.end(message); err != nil {
		return 0, "", err
	}
	if object != 'S' && object != 'P' {
		return 0, "", violation("invalid " + message + " message subtype")
	}
	return object, name, nil
}

func decodeExecute(body []byte) (portal string, rows uint32, err error) {
	s := scanner{b: body}
	portal, rows = s.text(), s.uint32()
	return portal, rows, s.end("Execute")
}
