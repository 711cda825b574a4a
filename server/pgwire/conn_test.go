package pgwire

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/server/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// packet is a start-up packet.
func packet(code uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	b = binary.BigEndian.AppendUint32(b, code)
	return append(b, body...)
}

const version3 = 3 << 16

func TestStartup(t *testing.T) {
	address, _, _ := start(t, Options{})
	for _, test := range []struct {
		name string
		send []byte
		want string // in the reply; "" for silence
	}{
		{"ok", packet(version3, "user\x00u\x00database\x00freshet\x00application_name\x00a\x00\x00"), "application_name"},
		{"tls and gss refused, then ok", nil, "N"},
		{"negotiation", packet(version3+2, "user\x00u\x00database\x00freshet\x00_pq_.x\x001\x00\x00"), "v\x00\x00\x00\x13\x00\x00\x00\x00\x00\x00\x00\x01_pq_.x\x00R"},
		{"unknown database", packet(version3, "user\x00u\x00database\x00nope\x00\x00"), "3D000"},
		{"no user", packet(version3, "database\x00freshet\x00\x00"), "28000"},
		{"no terminator", packet(version3, "user\x00u"), "08P01"},
		{"not utf-8", packet(version3, "user\x00\xff\x00\x00"), "22021"},
		{"version 2", packet(2<<16, "user\x00u\x00\x00"), "unsupported frontend protocol 2.0"},
		{"http", []byte("GET / HTTP/1.1\r\n\r\n"), "08P01"},
		{"length 3 GiB", []byte{0xc0, 0, 0, 0, 0, 3, 0, 0}, "08P01"},
		{"length 4", []byte{0, 0, 0, 4}, "08P01"},
		{"half a packet", packet(version3, "user\x00u\x00database\x00freshet\x00\x00")[:12], ""},
		{"cancel of nobody", packet(codeCancel, "\x00\x00\x00\x01\x00\x00\x00\x02"), ""},
		{"torn cancel", packet(codeCancel, ""), ""},
		{"data behind TLS request", append(packet(codeSSL, ""), packet(version3, "user\x00u\x00\x00")...), "08P01"},
		{"a message before start-up", []byte("Q\x00\x00\x00\x0crows 1\x00\x00"), "08P01"},
		{"huge message right after start-up", append(packet(version3, "user\x00u\x00database\x00freshet\x00\x00"), "Q\xff\xff\xff\xff"...), "54000"},
		{"negative message length", append(packet(version3, "user\x00u\x00database\x00freshet\x00\x00"), "Q\x00\x00\x00\x03"...), "08P01"},
		{"unknown message", append(packet(version3, "user\x00u\x00database\x00freshet\x00\x00"), "z\x00\x00\x00\x04"...), "08P01"},
		{"negative parameter length", append(packet(version3, "user\x00u\x00database\x00freshet\x00\x00"), "B\x00\x00\x00\x10\x00\x00\x00\x00\x00\x01\xff\xff\xff\xf0\x00\x00"...), "08P01"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := dial(t, address)
			if test.send == nil {
				for _, code := range []uint32{codeSSL, codeGSS} {
					w.Write(packet(code, ""))
					var b [1]byte
					if _, err := io.ReadFull(w, b[:]); err != nil || b[0] != 'N' {
						t.Fatalf("%q %v", b, err)
					}
				}
				w.send(t, &pgproto3.StartupMessage{ProtocolVersion: version3, Parameters: map[string]string{"user": "u", "database": "freshet"}})
				w.until(t, "ReadyForQuery")
				return
			}
			w.Write(test.send)
			w.Conn.(*net.TCPConn).CloseWrite()
			reply, err := io.ReadAll(w)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && len(reply) > 0 || !bytes.Contains(reply, []byte(test.want)) {
				t.Fatalf("reply %q, want %q", reply, test.want)
			}
		})
	}
}

func TestMessageLimit(t *testing.T) {
	address, _, _ := start(t, Options{MaxMessageBytes: 1 << 20})
	w := connect(t, address)
	w.send(t, &pgproto3.Query{String: "rows 1; " + strings.Repeat(" ", 900<<10)})
	w.until(t, "ReadyForQuery")
	w.send(t, &pgproto3.Query{String: strings.Repeat(" ", 2<<20)})
	if got := show(w.until(t, "ReadyForQuery")); !strings.Contains(got, "FATAL 54000") {
		t.Fatal(got)
	}
}

func TestConnectionLimit(t *testing.T) {
	address, _, _ := start(t, Options{MaxConnections: 1})
	connect(t, address)
	w := dial(t, address)
	w.send(t, &pgproto3.StartupMessage{ProtocolVersion: version3, Parameters: map[string]string{"user": "u", "database": "freshet"}})
	if got := show(w.until(t, "ReadyForQuery")); !strings.Contains(got, "FATAL 53300") {
		t.Fatal(got)
	}
}

func TestIdleTimeout(t *testing.T) {
	address, _, _ := start(t, Options{IdleTimeout: 20 * time.Millisecond})
	w := connect(t, address)
	if got := show(w.until(t, "ReadyForQuery")); !strings.Contains(got, "FATAL 57P05") {
		t.Fatal(got)
	}
}

func TestCancel(t *testing.T) {
	address, f, _ := start(t, Options{})
	for _, statement := range []string{"hang", "live 2"} {
		w := connect(t, address)
		w.send(t, &pgproto3.Query{String: statement})
		<-f.hanging
		wrong := dial(t, address)
		wrong.send(t, &pgproto3.CancelRequest{ProcessID: w.key.ProcessID, SecretKey: w.key.SecretKey + 1})
		io.ReadAll(wrong)
		right := dial(t, address)
		right.send(t, &pgproto3.CancelRequest{ProcessID: w.key.ProcessID, SecretKey: w.key.SecretKey})
		if got := show(w.until(t, "ReadyForQuery")); !strings.Contains(got, "ERROR 57014 at 0: canceling statement due to user request\nReadyForQuery I") {
			t.Fatal(got)
		}
		w.send(t, &pgproto3.Query{String: "rows 1"})
		w.until(t, "ReadyForQuery")
	}
}

func TestClientGoneEndsLiveQuery(t *testing.T) {
	address, f, stop := start(t, Options{Grace: time.Hour})
	for _, terminate := range []bool{false, true} {
		w := connect(t, address)
		w.send(t, &pgproto3.Query{String: "live 2"})
		<-f.hanging
		if terminate {
			w.send(t, &pgproto3.Terminate{})
		} else {
			w.Close()
		}
	}
	stop() // would wait an hour for a query that runs on
}

func TestLiveRowsArriveAsTheyCome(t *testing.T) {
	address, f, _ := start(t, Options{})
	w := connect(t, address)
	w.send(t, &pgproto3.Query{String: "live 2"})
	for rows := 0; rows < 4; {
		m, err := w.front.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if kindOf(m) == "DataRow" {
			rows++
		}
	}
	<-f.hanging
}

func TestShutdown(t *testing.T) {
	address, f, stop := start(t, Options{Grace: 20 * time.Millisecond})
	idle, busy := connect(t, address), connect(t, address)
	busy.send(t, &pgproto3.Query{String: "hang"})
	<-f.hanging
	stop()
	for _, w := range []*wire{idle, busy} {
		if got := show(w.until(t, "never")); !strings.Contains(got, "FATAL 57P01") {
			t.Fatal(got)
		}
	}
}

func TestPgx(t *testing.T) {
	address, f, _ := start(t, Options{Grace: 10 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, dsn(address))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	rows, err := db.Query(ctx, "rows 5000")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; rows.Next(); n++ {
		var i int64
		var text *string
		if err := rows.Scan(&i, &text); err != nil || int(i) != n || (text == nil) != (n%3 == 0) {
			t.Fatal(n, i, text, err)
		}
	}
	if rows.Err() != nil || n != 5000 || rows.CommandTag().String() != "SELECT 5000" {
		t.Fatal(rows.Err(), n, rows.CommandTag())
	}
	var a, b string
	if err := db.QueryRow(ctx, "echo $1 $2", "x", "y").Scan(&a, &b); err != nil || a+b != "xy" {
		t.Fatal(a, b, err)
	}
	batch := &pgx.Batch{}
	for range 10 {
		batch.Queue("rows 2")
	}
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	short, cancelShort := context.WithCancel(ctx)
	go func() {
		<-f.hanging
		cancelShort()
	}()
	if _, err := db.Exec(short, "hang"); err == nil {
		t.Fatal("hang returned")
	}
}

func FuzzPgwire(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x0brows 1\x00"))
	f.Add([]byte("P\x00\x00\x00\x10\x00echo $1\x00\x00\x00B\x00\x00\x00\x12\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01a\x00\x00D\x00\x00\x00\x06P\x00E\x00\x00\x00\x09\x00\x00\x00\x00\x00S\x00\x00\x00\x04"))
	f.Add([]byte("B\x00\x00\x00\x10\x00\x00\x00\x00\x00\x01\xff\xff\xff\xf0\x00\x00"))
	f.Add([]byte("E\x00\x00\x00\x05\x00C\x00\x00\x00\x04X\x00\x00\x00\x04"))
	head := packet(version3, "user\x00u\x00database\x00freshet\x00\x00")
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("hang")) || bytes.Contains(data, []byte("live")) || bytes.Contains(data, []byte("panic")) {
			t.Skip("words that block or panic on purpose")
		}
		client, server := net.Pipe()
		l := New(Options{MaxMessageBytes: 1 << 20}, nil, slog.New(slog.DiscardHandler), &fake{})
		c := newConn(l, server)
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.serve(context.Background())
		}()
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			io.Copy(io.Discard, client)
		}()
		client.SetWriteDeadline(time.Now().Add(patience))
		client.Write(head)
		client.Write(data)
		client.Close()
		<-done
		<-drained
		if c.sess == nil {
			t.Fatal("no session")
		}
	})
}

// BenchmarkRows is rows of a bigint and a text a second through the encoder, text and binary.
func BenchmarkRows(b *testing.B) {
	chunk := numberChunk(0, 1000)
	for name, formats := range map[string][]int16{"text": nil, "binary": {1}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var e encoder
			if err := e.prepare(numberColumns, formats, (&session.Session{}).Style); err != nil {
				b.Fatal(err)
			}
			var out []byte
			for b.Loop() {
				out = out[:0]
				for i := range chunk.N {
					out = e.row(out, chunk, i)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
		})
	}
}

// BenchmarkPrepared is one prepared statement answered over a loopback socket, client included.
func BenchmarkPrepared(b *testing.B) {
	address, _, _ := start(b, Options{})
	w := connect(b, address)
	w.SetDeadline(time.Time{})
	w.send(b, &pgproto3.Parse{Name: "s", Query: "echo $1"}, &pgproto3.Sync{})
	w.until(b, "ReadyForQuery")
	request, _ := (&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("key")}}).Encode(nil)
	request, _ = (&pgproto3.Execute{}).Encode(request)
	request, _ = (&pgproto3.Sync{}).Encode(request)
	reply := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Read(reply); err != nil {
			b.Fatal(err)
		}
	}
}
