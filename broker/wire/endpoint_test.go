package wire

import (
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
)

// serveSASL is a listener that lets alice/secret in, with handlers for SASL as package handler has them.
func serveSASL(t *testing.T, opts Options, lifetime time.Duration) *server {
	t.Helper()
	credential, err := auth.NewCredential(metadata.ScramSHA256, "secret", auth.IterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	key := metadata.ScramKey{User: "alice", Mechanism: metadata.ScramSHA256}
	img, _, err := metadata.Replay(&metadata.Image{}, 1, []metadata.Record{metadata.ScramRecord{Key: key, Credential: credential}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &lockedBuffer{}
	l := New(opts, NewVersions([]API{
		{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
			resp := kmsg.NewPtrMetadataResponse()
			resp.Topics = []kmsg.MetadataResponseTopic{{Topic: new(r.Conn.Principal().String())}}
			r.Reply(resp)
		}},
		{Key: saslHandshakeKey, Max: 1, Serve: func(_ context.Context, r *Request) {
			resp := kmsg.NewPtrSASLHandshakeResponse()
			if err := r.Conn.Handshake(r.Body.(*kmsg.SASLHandshakeRequest).Mechanism, r.Version); err != nil {
				resp.ErrorCode = kerr.IllegalSaslState.Code
			}
			r.Reply(resp)
		}},
		{Key: saslAuthenticateKey, Max: 1, Serve: func(ctx context.Context, r *Request) {
			resp := kmsg.NewPtrSASLAuthenticateResponse()
			_, lifetime, err := r.Conn.Authenticate(r.Body.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)
			if resp.SessionLifetimeMillis = lifetime.Milliseconds(); err != nil {
				resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
				r.ReplyAndClose(ctx, resp, err)
				return
			}
			r.Reply(resp)
		}},
	}), nil, slog.New(slog.NewTextHandler(out, nil)))
	endpoint := &Endpoint{
		Name: NameSASLPlaintext, SASL: auth.NewCredentials(func() *metadata.Image { return img }), MaxReauth: func() time.Duration { return lifetime },
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.ServeEndpoint(ctx, ln, endpoint) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &server{addr: ln.Addr().String(), log: out}
}

// handshake chooses PLAIN in a version of SaslHandshake and gives the error code.
func handshake(t *testing.T, c net.Conn, version int16) int16 {
	t.Helper()
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Version, req.Mechanism = version, auth.Plain
	send(t, c, 1, req)
	_, body := receive(t, c)
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.SetVersion(version)
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	return resp.ErrorCode
}

func authenticate(t *testing.T, c net.Conn, message string) *kmsg.SASLAuthenticateResponse {
	t.Helper()
	req := kmsg.NewPtrSASLAuthenticateRequest()
	req.Version, req.SASLAuthBytes = 1, []byte(message)
	send(t, c, 2, req)
	_, body := receive(t, c)
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.SetVersion(1)
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	return resp
}

// whoAmI asks for metadata, whose one topic is the caller here.
func whoAmI(t *testing.T, c net.Conn) string {
	t.Helper()
	send(t, c, 3, kmsg.NewPtrMetadataRequest())
	_, body := receive(t, c)
	resp := kmsg.NewPtrMetadataResponse()
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	return *resp.Topics[0].Topic
}

const goodPlain = "\x00alice\x00secret"

func TestAuthenticated(t *testing.T) {
	s := serveSASL(t, Options{}, 0)
	c := dial(t, s)
	if code := handshake(t, c, 1); code != 0 {
		t.Fatal(code)
	}
	if resp := authenticate(t, c, goodPlain); resp.ErrorCode != 0 || resp.SessionLifetimeMillis != 0 {
		t.Fatal(resp)
	}
	if who := whoAmI(t, c); who != "User:alice" {
		t.Fatal(who)
	}
	if code := handshake(t, c, 1); code != kerr.IllegalSaslState.Code {
		t.Fatal("a session without an end began anew: ", code)
	}
}

// TestBareTokens: after SaslHandshake v0 the mechanism's messages come without a request around them, and so do the answers.
func TestBareTokens(t *testing.T) {
	s := serveSASL(t, Options{AuthFailDelay: time.Millisecond}, 0)
	token := func(c net.Conn, message string) {
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)); err != nil {
			t.Fatal(err)
		}
	}
	c := dial(t, s)
	handshake(t, c, 0)
	token(c, goodPlain)
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil || size != [4]byte{} {
		t.Fatal(size, err)
	}
	if who := whoAmI(t, c); who != "User:alice" {
		t.Fatal(who)
	}
	for _, bad := range []string{"", "x", "\x00alice\x00guess"} {
		c := dial(t, s)
		handshake(t, c, 0)
		token(c, bad)
		expectClosed(t, s, c, "SASLAuthenticate")
	}
}

// TestWrongPasswordEndsTheConnection: the answer is still sent.
func TestWrongPasswordEndsTheConnection(t *testing.T) {
	s := serveSASL(t, Options{AuthFailDelay: time.Millisecond}, 0)
	c := dial(t, s)
	handshake(t, c, 1)
	if resp := authenticate(t, c, "\x00alice\x00guess"); resp.ErrorCode != kerr.SaslAuthenticationFailed.Code {
		t.Fatal(resp)
	}
	expectClosed(t, s, c, "wrong user or password")
}

// TestStrangersHaveLittleRoom: before a client has authenticated it may ask for nothing, send no large frames, and not stay.
func TestStrangersHaveLittleRoom(t *testing.T) {
	for name, test := range map[string]struct {
		opts Options
		do   func(net.Conn)
		line string
	}{
		"asks":        {Options{}, func(c net.Conn) { send(t, c, 1, kmsg.NewPtrMetadataRequest()) }, "before the client has authenticated"},
		"large frame": {Options{}, func(c net.Conn) { c.Write([]byte{0, 2, 0, 0, 0, 36, 0, 0}) }, "frame of 131072 bytes"},
		"silent":      {Options{AuthTimeout: 20 * time.Millisecond}, func(net.Conn) {}, "did not authenticate in time"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveSASL(t, test.opts, 0)
			c := dial(t, s)
			test.do(c)
			expectClosed(t, s, c, test.line)
		})
	}
}

// TestExpiredSession: when its time is over a session serves nothing but another authentication.
func TestExpiredSession(t *testing.T) {
	s := serveSASL(t, Options{}, time.Nanosecond)
	c := dial(t, s)
	for range 2 { // the second is another authentication of an expired session
		if code := handshake(t, c, 1); code != 0 {
			t.Fatal(code)
		}
		if resp := authenticate(t, c, goodPlain); resp.ErrorCode != 0 {
			t.Fatal(resp)
		}
	}
	send(t, c, 3, kmsg.NewPtrMetadataRequest())
	expectClosed(t, s, c, "session has expired")
}

// TestSASLWithoutNeed: a listener that asks nobody knows no SASL.
func TestSASLWithoutNeed(t *testing.T) {
	s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
		if _, _, err := r.Conn.Authenticate(nil); err == nil || r.Conn.Handshake(auth.Plain, 1) == nil || r.Conn.Principal() != auth.Anonymous {
			t.Error("SASL without need")
		}
		r.Reply(kmsg.NewPtrMetadataResponse())
	}})
	c := dial(t, s)
	send(t, c, 1, kmsg.NewPtrMetadataRequest())
	receive(t, c)
}

func TestSubjectName(t *testing.T) {
	name := pkix.Name{CommonName: "a,b", OrganizationalUnit: []string{"Sales"}, Organization: []string{"Shop"}, Country: []string{"CH"}}
	raw, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := subjectName(raw); err != nil || got != `CN=a\,b,OU=Sales,O=Shop,C=CH` {
		t.Error(got, err)
	}
	if _, err := subjectName([]byte("no")); err == nil {
		t.Error("rubbish is a name")
	}
}
