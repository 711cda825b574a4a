package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// authority is a certificate authority of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a certificate of 127.0.0.1, or of a client.
func (a *authority) issue(t testing.TB, name pkix.Name) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: name, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// secureBroker is a broker with every kind of listener and the user admin/secret; addr gives the address of one kind.
func secureBroker(t testing.TB, ca *authority, change func(*Options)) (b *Broker, addr map[string]string) {
	t.Helper()
	addr = make(map[string]string)
	server := &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, pkix.Name{CommonName: "broker"})}, ClientCAs: ca.pool, ClientAuth: tls.VerifyClientCertIfGiven,
		MinVersion: tls.VersionTLS12,
	}
	b = startBroker(t, func(o *Options) {
		o.Admin = Admin{Name: "admin", Password: "secret"}
		for _, name := range []string{wire.NameSSL, wire.NameSASLPlaintext, wire.NameSASLSSL} {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := SecureListener{Name: name, Sockets: []net.Listener{ln}}
			if name != wire.NameSASLPlaintext {
				l.TLS = server
			}
			o.Secure = append(o.Secure, l)
			addr[name] = ln.Addr().String()
		}
		if change != nil {
			change(o)
		}
	})
	addr[wire.NamePlaintext] = b.Addr().String()
	return b, addr
}

func mechanism(name, user, password string) sasl.Mechanism {
	switch name {
	case auth.Plain:
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	case auth.ScramSHA256:
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	}
	return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
}

// TestMechanisms: every mechanism lets the right password in, with and without TLS, and no other.
func TestMechanisms(t *testing.T) {
	ca := newAuthority(t)
	b, addr := secureBroker(t, ca, nil)
	for _, listener := range []string{wire.NameSASLPlaintext, wire.NameSASLSSL} {
		for _, name := range auth.Mechanisms() {
			t.Run(listener+"/"+name, func(t *testing.T) {
				opts := []kgo.Opt{kgo.SeedBrokers(addr[listener])}
				if listener == wire.NameSASLSSL {
					opts = append(opts, kgo.DialTLSConfig(&tls.Config{RootCAs: ca.pool}))
				}
				good := connect(t, b, append(opts, kgo.SASL(mechanism(name, "admin", "secret")))...)
				if err := good.ProduceSync(short(t), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
				for _, who := range [][2]string{{"admin", "guess"}, {"nobody", "secret"}} {
					bad := connect(t, b, append(opts, kgo.SASL(mechanism(name, who[0], who[1])))...)
					if err := bad.Ping(short(t)); !errors.Is(err, kerr.SaslAuthenticationFailed) {
						t.Fatalf("%v: %v", who, err)
					}
				}
			})
		}
	}
	if got := len(consume(t, b, "t", 6)); got != 6 {
		t.Fatal(got)
	}
}

// TestNothingBeforeAuthentication: a client that doesn't say who it is hears nothing but which APIs there are.
func TestNothingBeforeAuthentication(t *testing.T) {
	b, addr := secureBroker(t, newAuthority(t), nil)
	cl := connect(t, b, kgo.SeedBrokers(addr[wire.NameSASLPlaintext]))
	if _, err := kmsg.NewPtrMetadataRequest().RequestWith(short(t), cl); err == nil {
		t.Fatal("metadata was answered")
	}
	unknown := connect(t, b, kgo.SeedBrokers(addr[wire.NameSASLPlaintext]))
	in := kmsg.NewPtrSASLHandshakeRequest()
	in.Mechanism = "GSSAPI"
	resp, err := unknown.Broker(0).Request(short(t), in)
	if err == nil && resp.(*kmsg.SASLHandshakeResponse).ErrorCode != kerr.UnsupportedSaslMechanism.Code {
		t.Fatal(resp)
	}
}

// TestCertificateIsPrincipal: who shows a certificate is its subject, and ACLs are about that.
func TestCertificateIsPrincipal(t *testing.T) {
	ca := newAuthority(t)
	b, addr := secureBroker(t, ca, func(o *Options) { o.Configs = map[string]string{"super.users": ""} })
	admin := connect(t, b, kgo.SeedBrokers(addr[wire.NameSASLPlaintext]), kgo.SASL(mechanism(auth.ScramSHA512, "admin", "secret")))
	allow(t, admin, "User:CN=alice,OU=Sales", metadata.ACL{
		ResourceType: int8(auth.ResourceTopic), PatternType: int8(auth.PatternPrefixed), ResourceName: "sales-", Operation: int8(auth.OpAll),
	})
	for subject, want := range map[string]error{"alice": nil, "mallory": kerr.TopicAuthorizationFailed} {
		cert := ca.issue(t, pkix.Name{CommonName: subject, OrganizationalUnit: []string{"Sales"}})
		cl := connect(t, b, kgo.SeedBrokers(addr[wire.NameSSL]), kgo.DisableIdempotentWrite(),
			kgo.DialTLSConfig(&tls.Config{RootCAs: ca.pool, Certificates: []tls.Certificate{cert}}))
		err := cl.ProduceSync(short(t), &kgo.Record{Topic: "sales-1", Value: []byte("v")}).FirstErr()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// allow adds an ALLOW rule for a principal at every host.
func allow(t testing.TB, admin *kgo.Client, principal string, acl metadata.ACL) {
	t.Helper()
	in := kmsg.NewPtrCreateACLsRequest()
	c := kmsg.NewCreateACLsRequestCreation()
	c.ResourceType, c.ResourcePatternType, c.ResourceName = kmsg.ACLResourceType(acl.ResourceType), kmsg.ACLResourcePatternType(acl.PatternType), acl.ResourceName
	c.Principal, c.Host, c.Operation, c.PermissionType = principal, auth.Wildcard, kmsg.ACLOperation(acl.Operation), kmsg.ACLPermissionType(auth.Allow)
	in.Creations = append(in.Creations, c)
	resp, err := in.RequestWith(short(t), admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Results[0].ErrorCode); err != nil {
		t.Fatal(err, resp.Results[0].ErrorMessage)
	}
}

// TestAdvertisedAddressesByListener: clients of each listener are told its own address.
func TestAdvertisedAddressesByListener(t *testing.T) {
	ca := newAuthority(t)
	b, addr := secureBroker(t, ca, func(o *Options) {
		o.Advertised = "plain.example:1"
		o.Secure[1].Advertised = "sasl.example:2"
	})
	for listener, want := range map[string]string{wire.NamePlaintext: "plain.example", wire.NameSASLPlaintext: "sasl.example", wire.NameSSL: "127.0.0.1"} {
		opts := []kgo.Opt{kgo.SeedBrokers(addr[listener])}
		switch listener {
		case wire.NameSASLPlaintext:
			opts = append(opts, kgo.SASL(mechanism(auth.Plain, "admin", "secret")))
		case wire.NameSSL:
			opts = append(opts, kgo.DialTLSConfig(&tls.Config{RootCAs: ca.pool}))
		}
		cl := connect(t, b, opts...)
		resp, err := kmsg.NewPtrMetadataRequest().RequestWith(short(t), cl)
		if err != nil || len(resp.Brokers) != 1 || resp.Brokers[0].Host != want {
			t.Errorf("%s: %v, %v", listener, resp, err)
		}
	}
}

func TestListenersAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"advertised address":       func(o *Options) { o.Advertised = "host" },
		"value out of range":       func(o *Options) { o.Advertised = "host:70000" },
		"no listener called":       func(o *Options) { o.Secure = []SecureListener{{Name: "TLS"}} },
		"certificate is needed":    func(o *Options) { o.Secure = []SecureListener{{Name: wire.NameSASLSSL}} },
		"TYPE:NAME":                func(o *Options) { o.Configs = map[string]string{"super.users": "alice"} },
		"follows from the node's ": func(o *Options) { o.Configs = map[string]string{"advertised.listeners": "a"} },
	} {
		opts := Options{NoListener: true, DataDir: t.TempDir(), Logger: testLogger(t)}
		change(&opts)
		b, err := Start(t.Context(), opts)
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
