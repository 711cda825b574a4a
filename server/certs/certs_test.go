package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// write makes a self-signed certificate and its key.
func write(t *testing.T, f Files, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, f.Cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
	put(t, f.Key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func nameOf(t *testing.T, c *tls.Config) string {
	t.Helper()
	now, err := c.GetConfigForClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(now.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return cert.Subject.CommonName
}

// TestChangedFilesAreReadAgain: a new certificate is used for the next connection, a damaged one never.
func TestChangedFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	f := Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	write(t, f, "one")
	clock := time.Now()
	s, err := Load(f, func() time.Time { return clock }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Config(true)
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, "one"},
		{func() { write(t, f, "two") }, "two"},
		{func() { put(t, f.Cert, "half a certi") }, "two"},
		{func() { os.Remove(f.Cert) }, "two"},
		{func() { write(t, f, "three") }, "three"},
	} {
		step.change()
		clock = clock.Add(2 * lookEvery)
		if got := nameOf(t, c); got != step.want {
			t.Fatalf("%s, not %s", got, step.want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	f := Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	other := Files{Cert: filepath.Join(dir, "cert2.pem"), Key: filepath.Join(dir, "key2.pem")}
	write(t, f, "one")
	write(t, other, "other")
	put(t, filepath.Join(dir, "huge"), string(make([]byte, fileMax+1)))
	for _, bad := range []Files{
		{Cert: filepath.Join(dir, "none"), Key: f.Key},
		{Cert: f.Cert, Key: other.Key},
		{Cert: f.Key, Key: f.Key},
		{Cert: filepath.Join(dir, "huge"), Key: f.Key},
		{Cert: f.Cert, Key: f.Key, ClientCA: f.Key},
	} {
		if _, err := Load(bad, time.Now, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	s, err := Load(Files{Cert: f.Cert, Key: f.Key, ClientCA: other.Cert}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if c, _ := s.Config(true).GetConfigForClient(nil); c.ClientAuth != tls.RequireAndVerifyClientCert || c.ClientCAs == nil {
		t.Error("clients need no certificate")
	}
}
