package auth

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/freshetdb/freshet/broker/metadata"
)

// credentialsOf knows the users given as "name:password", under both mechanisms.
func credentialsOf(t testing.TB, users ...string) *Credentials {
	t.Helper()
	var records []metadata.Record
	for _, u := range users {
		name, password, _ := strings.Cut(u, ":")
		for _, m := range []metadata.ScramMechanism{metadata.ScramSHA256, metadata.ScramSHA512} {
			c, err := NewCredential(m, password, IterationsMin)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, metadata.ScramRecord{Key: metadata.ScramKey{User: name, Mechanism: m}, Credential: c})
		}
	}
	img, _, err := metadata.Replay(&metadata.Image{}, 1, records)
	if err != nil {
		t.Fatal(err)
	}
	return NewCredentials(func() *metadata.Image { return img })
}

// login runs a client of franz-go against an exchange.
func login(t *testing.T, m sasl.Mechanism, x Exchange) error {
	t.Helper()
	client, message, err := m.Authenticate(t.Context(), "host:1")
	if err != nil {
		t.Fatal(err)
	}
	for {
		answer, done, err := x.Step(message)
		if err != nil {
			return err
		}
		clientDone, next, err := client.Challenge(answer)
		if err != nil {
			t.Fatal("the client refuses the server: ", err)
		}
		if message = next; done {
			if !clientDone {
				t.Fatal("the client isn't done")
			}
			return nil
		}
	}
}

// TestScramWithClient: a client by others agrees with us, names with signs in them included.
func TestScramWithClient(t *testing.T) {
	c := credentialsOf(t, "alice:secret", "a=b,c:pass word")
	for _, test := range []struct {
		user, password string
		want           error
	}{
		{"alice", "secret", nil},
		{"a=b,c", "pass word", nil},
		{"alice", "Secret", ErrDenied},
		{"bob", "secret", ErrDenied},
	} {
		auth := scram.Auth{User: test.user, Pass: test.password}
		for name, m := range map[string]sasl.Mechanism{ScramSHA256: auth.AsSha256Mechanism(), ScramSHA512: auth.AsSha512Mechanism()} {
			x := c.NewExchange(name)
			if err := login(t, m, x); !errors.Is(err, test.want) {
				t.Errorf("%s %s: %v", name, test.user, err)
			} else if err == nil && x.Principal().Name != test.user {
				t.Errorf("%s is %v", test.user, x.Principal())
			}
		}
	}
}

// TestScramVector is the example of RFC 7677.
func TestScramVector(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	salted, err := saltPassword(metadata.ScramSHA256, "pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	key := metadata.ScramKey{User: "user", Mechanism: metadata.ScramSHA256}
	img, _, err := metadata.Replay(&metadata.Image{}, 1, []metadata.Record{
		metadata.ScramRecord{Key: key, Credential: DeriveCredential(metadata.ScramSHA256, salt, salted, 4096)},
	})
	if err != nil {
		t.Fatal(err)
	}
	x := &scramExchange{
		mechanism: metadata.ScramSHA256, store: NewCredentials(func() *metadata.Image { return img }),
		nonce: func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" },
	}
	first, done, err := x.Step([]byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
	if want := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"; string(first) != want || done || err != nil {
		t.Fatal(string(first), done, err)
	}
	last, done, err := x.Step([]byte("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if string(last) != "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" || !done || err != nil {
		t.Fatal(string(last), done, err)
	}
	if _, _, err := x.Step(nil); err == nil {
		t.Fatal("a third message was taken")
	}
}

// TestScramNonceTwice: librdkafka before 2.6.1 repeats its own nonce in its last message, and Kafka lets it.
func TestScramNonceTwice(t *testing.T) {
	for _, test := range []struct {
		prefix string
		want   error
	}{{"mine", nil}, {"", nil}, {"mine,x=", errScram}} {
		x := credentialsOf(t, "alice:secret").NewExchange(ScramSHA256)
		first, _, err := x.Step([]byte("n,,n=alice,r=mine"))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(first), ",")
		salt, err := base64.StdEncoding.DecodeString(parts[1][len("s="):])
		if err != nil {
			t.Fatal(err)
		}
		salted, err := saltPassword(metadata.ScramSHA256, "secret", salt, IterationsMin)
		if err != nil {
			t.Fatal(err)
		}
		h := hashOf(metadata.ScramSHA256)
		clientKey := mac(h, salted, "Client Key")
		final := "c=biws,r=" + test.prefix + parts[0][len("r="):]
		proof := mac(h, digest(h, clientKey), "n=alice,r=mine,"+string(first)+","+final)
		subtle.XORBytes(proof, proof, clientKey)
		if _, _, err := x.Step([]byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof))); !errors.Is(err, test.want) {
			t.Errorf("%q before the nonces: %v, want %v", test.prefix, err, test.want)
		}
	}
}

// TestUnknownUsersLookKnown: strangers can't find out who has an account: salts are always there and always the same.
func TestUnknownUsersLookKnown(t *testing.T) {
	c := credentialsOf(t, "alice:secret")
	salt := func(user string) string {
		answer, _, err := c.NewExchange(ScramSHA512).Step([]byte("n,,n=" + user + ",r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(answer), ",s=")
		return rest
	}
	first, again := salt("nobody"), salt("nobody")
	if first != again || first == salt("somebody") || len(first) != len(salt("alice")) {
		t.Error(first, again, salt("somebody"), salt("alice"))
	}
}

func TestBadMessages(t *testing.T) {
	c := credentialsOf(t, "alice:secret")
	for _, first := range []string{
		"", "n", "n,", "n,,", "n,,n=alice", "n,,n=,r=abc", "n,,n=alice,r=", "p=tls-unique,,n=alice,r=abc", "n,a=bob,n=alice,r=abc",
		"n,,m=ext,n=alice,r=abc", "n,,n=ali=ce,r=abc", "n,,n=alice,r=a\x01c", "n,,n=" + strings.Repeat("x", scramTextMax+1) + ",r=abc",
	} {
		if _, _, err := c.NewExchange(ScramSHA256).Step([]byte(first)); err == nil {
			t.Errorf("first message %.40q was taken", first)
		}
	}
	for _, last := range []string{"", "c=biws", "c=biws,r=abc,p=!", "c=biws,r=abc", "c=biws,r=xyz,p=AAAA", "c=AAAA,r=abc,p=AAAA"} {
		x := c.NewExchange(ScramSHA256)
		if _, _, err := x.Step([]byte("n,,n=alice,r=abc")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.Step([]byte(last)); err == nil {
			t.Errorf("last message %q was taken", last)
		}
	}
	for _, message := range []string{"", "alice", "\x00alice", "\x00alice\x00", "\x00\x00secret", "bob\x00alice\x00secret", "\x00alice\x00secret\x00"} {
		if _, _, err := c.NewExchange(Plain).Step([]byte(message)); err == nil {
			t.Errorf("PLAIN %q was taken", message)
		}
	}
	for _, message := range []string{"\x00alice\x00secret", "alice\x00alice\x00secret"} {
		if _, done, err := c.NewExchange(Plain).Step([]byte(message)); err != nil || !done {
			t.Errorf("PLAIN %q: %v", message, err)
		}
	}
}

// TestPlainWithOneMechanism: a user who has only the weaker hash is checked by that.
func TestPlainWithOneMechanism(t *testing.T) {
	credential, err := NewCredential(metadata.ScramSHA256, "secret", IterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	key := metadata.ScramKey{User: "old", Mechanism: metadata.ScramSHA256}
	img, _, err := metadata.Replay(&metadata.Image{}, 1, []metadata.Record{metadata.ScramRecord{Key: key, Credential: credential}})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCredentials(func() *metadata.Image { return img })
	for message, want := range map[string]error{"\x00old\x00secret": nil, "\x00old\x00other": ErrDenied, "\x00new\x00secret": ErrDenied} {
		if _, _, err := c.NewExchange(Plain).Step([]byte(message)); !errors.Is(err, want) {
			t.Errorf("%q: %v", message, err)
		}
	}
}

func TestCredentialsAreChecked(t *testing.T) {
	for _, iterations := range []int32{0, IterationsMin - 1, IterationsMax + 1} {
		if _, err := NewCredential(metadata.ScramSHA256, "p", iterations); err == nil {
			t.Errorf("%d iterations were accepted", iterations)
		}
	}
	if _, err := NewCredential(3, "p", IterationsMin); err == nil {
		t.Error("an unknown mechanism was accepted")
	}
	if Fits(3, metadata.ScramCredential{Iterations: 1}, "p") || Fits(metadata.ScramSHA256, metadata.ScramCredential{}, "p") {
		t.Error("nothing fits a password")
	}
}

// TestSession: what may follow what, and what a session's end is.
func TestSession(t *testing.T) {
	c := credentialsOf(t, "alice:secret", "bob:secret")
	now := time.Unix(1000, 0)
	message := func(user string) []byte { return []byte("\x00" + user + "\x00secret") }
	forever := NewSession(c, nil)
	if _, _, err := forever.Authenticate(message("alice"), now); !errors.Is(err, ErrIllegalState) {
		t.Fatal(err)
	}
	if err := forever.Handshake("GSSAPI"); !errors.Is(err, ErrMechanism) {
		t.Fatal(err)
	}
	if err := forever.Handshake(Plain); err != nil || !forever.Pending() || forever.Done() {
		t.Fatal(err)
	}
	if err := forever.Handshake(Plain); !errors.Is(err, ErrIllegalState) {
		t.Fatal("a handshake within an authentication: ", err)
	}
	if _, lifetime, err := forever.Authenticate(message("alice"), now); err != nil || lifetime != 0 || !forever.Done() || forever.Principal().Name != "alice" {
		t.Fatal(err)
	}
	if err := forever.Handshake(Plain); !errors.Is(err, ErrIllegalState) {
		t.Fatal("a session without an end began anew: ", err)
	}

	short := NewSession(c, func() time.Duration { return time.Minute })
	authenticate := func(user string, at time.Time) error {
		if err := short.Handshake(Plain); err != nil {
			return err
		}
		_, lifetime, err := short.Authenticate(message(user), at)
		if err == nil && lifetime != time.Minute {
			t.Fatal(lifetime)
		}
		return err
	}
	if err := authenticate("alice", now); err != nil || short.Expired(now.Add(time.Minute)) || !short.Expired(now.Add(time.Minute+1)) {
		t.Fatal(err)
	}
	if err := authenticate("alice", now.Add(time.Hour)); err != nil || short.Expired(now.Add(time.Hour)) {
		t.Fatal(err)
	}
	if err := short.Handshake(ScramSHA256); !errors.Is(err, ErrIllegalState) {
		t.Fatal("another mechanism: ", err)
	}
	if err := authenticate("bob", now); !errors.Is(err, ErrDenied) || short.Principal().Name != "alice" {
		t.Fatal("another user: ", err)
	}
}

// TestFailureTexts: what a client is told of its failure, in the words of Kafka 4.3.1.
func TestFailureTexts(t *testing.T) {
	c := credentialsOf(t, "alice:secret", "bob:secret")
	for _, test := range []struct {
		before, mechanism, message, want string
	}{
		{"", Plain, "\x00alice\x00wrong", "Authentication failed: Invalid username or password"},
		{"", Plain, "rubbish", "Authentication failed during authentication due to invalid credentials with SASL mechanism PLAIN"},
		{"", ScramSHA256, "rubbish", "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256"},
		{"alice", Plain, "rubbish", "Authentication failed during re-authentication due to invalid credentials with SASL mechanism PLAIN"},
		{"alice", Plain, "\x00bob\x00secret", "Cannot change principals during re-authentication from User.alice: User.bob"},
	} {
		s := NewSession(c, func() time.Duration { return time.Minute })
		steps := []string{test.message}
		if test.before != "" {
			steps = []string{"\x00" + test.before + "\x00secret", test.message}
		}
		var err error
		for _, step := range steps {
			if err = s.Handshake(test.mechanism); err != nil {
				t.Fatal(err)
			}
			_, _, err = s.Authenticate([]byte(step), time.Unix(1000, 0))
		}
		failed, ok := errors.AsType[*FailedError](err)
		if !ok || failed.Text != test.want {
			t.Errorf("%s %q: %v is told as %+v, not %q", test.mechanism, test.message, err, failed, test.want)
		}
	}
}

// FuzzExchange sends two messages of a stranger: nothing may panic, and nobody gets in.
func FuzzExchange(f *testing.F) {
	c := credentialsOf(f, "alice:long enough not to be guessed")
	f.Add(1, []byte("n,,n=alice,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add(2, []byte("y,a=alice,n=alice,r=abc,tokenauth=true"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add(0, []byte("\x00alice\x00secret"), []byte{})
	f.Fuzz(func(t *testing.T, mechanism int, first, second []byte) {
		x := c.NewExchange(Mechanisms()[uint(mechanism)%3])
		for _, message := range [][]byte{first, second} {
			_, done, err := x.Step(message)
			if done {
				t.Fatalf("%q %q let in %v", first, second, x.Principal())
			}
			if err != nil {
				return
			}
		}
	})
}
