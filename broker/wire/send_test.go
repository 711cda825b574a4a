package wire

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fileAnswer is an answer of own bytes, spliced bytes and ranges of files in turn.
type fileAnswer struct {
	file     File
	ranges   [][2]int        // position and length
	released chan<- struct{} // told once for each answer
}

func (a fileAnswer) EncodeTo(f *Frame) {
	for _, r := range a.ranges {
		f.Bytes = append(f.Bytes, "own"...)
		f.Splice([]byte("SPLICED"))
		f.SpliceFile(a.file, int64(r[0]), r[1])
	}
	f.Bytes = append(f.Bytes, "end"...)
	f.OnSent(func() { a.released <- struct{}{} })
}

func (a fileAnswer) want(content []byte) []byte {
	var b []byte
	for _, r := range a.ranges {
		b = append(append(b, "ownSPLICED"...), content[r[0]:r[0]+r[1]]...)
	}
	return append(b, "end"...)
}

// memoryFile is a file that the system knows nothing of.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Fd() uintptr { return ^uintptr(0) }

func randomFile(t *testing.T, n int) (*os.File, []byte) {
	t.Helper()
	content := make([]byte, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(rng.Uint32())
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, content
}

// TestFilesAreSent: ranges of files arrive as bytes would, by the system, through memory and behind TLS, in order with what is around them.
func TestFilesAreSent(t *testing.T) {
	file, content := randomFile(t, 9<<20)
	ranges := [][2]int{{0, 1}, {100, 0}, {5000, 300_000}, {1, 8 << 20}, {9<<20 - 7, 7}}
	for name, file := range map[string]File{"of the system": file, "in memory": memoryFile{bytes.NewReader(content)}} {
		for _, secured := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, secured %v", name, secured), func(t *testing.T) {
				released := make(chan struct{}, 3)
				answer := fileAnswer{file: file, ranges: ranges, released: released}
				rows := API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) { r.ReplyWith(answer) }}
				c := dialMaybeSecured(t, secured, rows)
				for id := range int32(3) {
					send(t, c, id, kmsg.NewPtrMetadataRequest())
				}
				for id := range int32(3) {
					got, body := receive(t, c)
					if want := answer.want(content); got != id || !bytes.Equal(body, want) {
						t.Fatalf("answer %d in place of %d: %d bytes, %d wanted", got, id, len(body), len(want))
					}
				}
				for range 3 {
					<-released
				}
			})
		}
	}
}

func dialMaybeSecured(t *testing.T, secured bool, row API) net.Conn {
	t.Helper()
	if !secured {
		s, _ := serve(t, Options{}, row)
		return dial(t, s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := New(Options{}, NewVersions([]API{row}), nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- l.ServeEndpoint(ctx, ln, &Endpoint{Name: "SSL", TLS: &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return tls.Client(dial(t, &server{addr: ln.Addr().String()}), &tls.Config{InsecureSkipVerify: true})
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(crand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// TestFileEndsTooEarly: a range that is not there costs the connection, and what was promised is never made up for.
func TestFileEndsTooEarly(t *testing.T) {
	file, content := randomFile(t, 100_000)
	for name, file := range map[string]File{"of the system": file, "in memory": memoryFile{bytes.NewReader(content)}} {
		t.Run(name, func(t *testing.T) {
			released := make(chan struct{}, 3)
			s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
				r.ReplyWith(fileAnswer{file: file, ranges: [][2]int{{50_000, 60_000}}, released: released})
			}})
			c := dial(t, s)
			send(t, c, 1, kmsg.NewPtrMetadataRequest())
			got, err := io.ReadAll(c)
			if err != nil || len(got) >= 60_000 || !bytes.HasSuffix(got, content[90_000:]) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			expectClosed(t, s, c, "answer cut short")
		})
	}
}

// TestSlowClientOfFiles: a client that asks for files and doesn't read them keeps no memory, and loses its connection like any other.
func TestSlowClientOfFiles(t *testing.T) {
	file, _ := randomFile(t, 8<<20)
	released := make(chan struct{}, 3)
	s, _ := serve(t, Options{IdleTimeout: 100 * time.Millisecond}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
		r.ReplyWith(fileAnswer{file: file, ranges: [][2]int{{0, 8 << 20}, {0, 8 << 20}}, released: released})
		if owed := r.Conn.l.owed.Load(); owed > 10_000 {
			t.Errorf("files count as %d bytes of memory", owed)
		}
	}})
	c := dial(t, s)
	for id := range int32(3) {
		send(t, c, id, kmsg.NewPtrMetadataRequest())
	}
	for range 3 {
		<-released
	}
}
