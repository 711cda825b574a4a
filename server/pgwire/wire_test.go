package pgwire

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgproto3/v2"
)

// patience bounds every wait of a test.
const patience = 10 * time.Second

// wire is a client that speaks in messages.
type wire struct {
	net.Conn
	front *pgproto3.Frontend
	key   pgproto3.BackendKeyData
}

func dial(t testing.TB, address string) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &wire{Conn: nc, front: pgproto3.NewFrontend(pgproto3.NewChunkReader(nc), nc)}
}

// connect is dial and a start-up for database freshet.
func connect(t testing.TB, address string) *wire {
	t.Helper()
	w := dial(t, address)
	w.send(t, &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "u", "database": "freshet"}})
	for _, m := range w.until(t, "ReadyForQuery") {
		if key, ok := m.(*pgproto3.BackendKeyData); ok {
			w.key = *key
		}
	}
	return w
}

func (w *wire) send(t testing.TB, messages ...pgproto3.FrontendMessage) {
	t.Helper()
	var b []byte
	for _, m := range messages {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
}

func kindOf(m any) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
}

// until receives messages up to the first of a kind, or a FATAL error; data rows and the like are copied.
func (w *wire) until(t testing.TB, kind string) []pgproto3.BackendMessage {
	t.Helper()
	var got []pgproto3.BackendMessage
	for {
		m, err := w.front.Receive()
		if err != nil {
			t.Fatalf("waiting for %s after %s: %v", kind, show(got), err)
		}
		got = append(got, clone(m))
		if e, ok := m.(*pgproto3.ErrorResponse); kindOf(m) == kind || ok && e.Severity == "FATAL" {
			return got
		}
	}
}

// clone copies a message the frontend will overwrite.
func clone(m pgproto3.BackendMessage) pgproto3.BackendMessage {
	b, err := m.Encode(nil)
	if err != nil {
		panic(err)
	}
	fresh := map[string]func() pgproto3.BackendMessage{
		"DataRow":              func() pgproto3.BackendMessage { return &pgproto3.DataRow{} },
		"RowDescription":       func() pgproto3.BackendMessage { return &pgproto3.RowDescription{} },
		"CommandComplete":      func() pgproto3.BackendMessage { return &pgproto3.CommandComplete{} },
		"ErrorResponse":        func() pgproto3.BackendMessage { return &pgproto3.ErrorResponse{} },
		"NoticeResponse":       func() pgproto3.BackendMessage { return &pgproto3.NoticeResponse{} },
		"ReadyForQuery":        func() pgproto3.BackendMessage { return &pgproto3.ReadyForQuery{} },
		"ParameterStatus":      func() pgproto3.BackendMessage { return &pgproto3.ParameterStatus{} },
		"BackendKeyData":       func() pgproto3.BackendMessage { return &pgproto3.BackendKeyData{} },
		"ParameterDescription": func() pgproto3.BackendMessage { return &pgproto3.ParameterDescription{} },
		"CopyData":             func() pgproto3.BackendMessage { return &pgproto3.CopyData{} },
	}[kindOf(m)]
	if fresh == nil {
		return m
	}
	c := fresh()
	if err := c.Decode(b[5:]); err != nil {
		panic(err)
	}
	return c
}

// show prints messages as scripts do: a line each, long runs of rows shortened.
func show(messages []pgproto3.BackendMessage) string {
	var out strings.Builder
	for _, m := range messages {
		switch m := m.(type) {
		case *pgproto3.DataRow:
			var values []string
			for _, v := range m.Values {
				switch {
				case v == nil:
					values = append(values, "NULL")
				case strings.IndexFunc(string(v), func(r rune) bool { return r < ' ' }) >= 0:
					values = append(values, fmt.Sprintf("0x%x", v))
				default:
					values = append(values, string(v))
				}
			}
			fmt.Fprintf(&out, "DataRow %s\n", strings.Join(values, "|"))
		case *pgproto3.RowDescription:
			var fields []string
			for _, f := range m.Fields {
				fields = append(fields, fmt.Sprintf("%s:%d:%d:%d:%d", f.Name, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format))
			}
			fmt.Fprintf(&out, "RowDescription %s\n", strings.Join(fields, " "))
		case *pgproto3.ErrorResponse:
			fmt.Fprintf(&out, "ErrorResponse %s %s at %d: %s", m.Severity, m.Code, m.Position, m.Message)
			if m.Detail != "" {
				fmt.Fprintf(&out, "; detail: %s", m.Detail)
			}
			if m.Hint != "" {
				fmt.Fprintf(&out, "; hint: %s", m.Hint)
			}
			fmt.Fprintln(&out)
		case *pgproto3.NoticeResponse:
			fmt.Fprintf(&out, "NoticeResponse %s %s\n", m.Severity, m.Message)
		case *pgproto3.CommandComplete:
			fmt.Fprintf(&out, "CommandComplete %s\n", m.CommandTag)
		case *pgproto3.ReadyForQuery:
			fmt.Fprintf(&out, "ReadyForQuery %c\n", m.TxStatus)
		case *pgproto3.ParameterStatus:
			fmt.Fprintf(&out, "ParameterStatus %s=%s\n", m.Name, m.Value)
		case *pgproto3.ParameterDescription:
			fmt.Fprintf(&out, "ParameterDescription %v\n", m.ParameterOIDs)
		case *pgproto3.CopyData:
			fmt.Fprintf(&out, "CopyData %q\n", m.Data)
		default:
			fmt.Fprintln(&out, kindOf(m))
		}
	}
	return out.String()
}

// frontendMessages are the messages scripts may send.
func frontendMessage(name string) pgproto3.FrontendMessage {
	switch name {
	case "Query":
		return &pgproto3.Query{}
	case "Parse":
		return &pgproto3.Parse{}
	case "Bind":
		return &pgproto3.Bind{}
	case "Describe":
		return &pgproto3.Describe{}
	case "Execute":
		return &pgproto3.Execute{}
	case "Close":
		return &pgproto3.Close{}
	case "Sync":
		return &pgproto3.Sync{}
	case "Flush":
		return &pgproto3.Flush{}
	case "CopyData":
		return &pgproto3.CopyData{}
	case "FunctionCall":
		return &pgproto3.FunctionCall{}
	}
	return nil
}

// TestScripts runs testdata: a script is one connection; "send" messages, "until" a kind of reply.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		address, _, _ := start(t, Options{})
		w := connect(t, address)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "send":
				for line := range strings.SplitSeq(d.Input, "\n") {
					name, body, _ := strings.Cut(line, " ")
					m := frontendMessage(name)
					if m == nil {
						d.Fatalf(t, "unknown message %q", name)
					}
					if body != "" {
						if err := json.Unmarshal([]byte(body), m); err != nil {
							d.Fatalf(t, "%s: %v", line, err)
						}
					}
					w.send(t, m)
				}
				return ""
			case "until":
				return show(w.until(t, strings.TrimSpace(d.Input)))
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}
