package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// secure is the node's listener for clients that come over TLS with a password.
type secure struct {
	address, cert, key, password string // files, but for the address
	authorities                  *x509.CertPool
}

// The user that exists from the start.
const (
	secureUser     = "admin"
	securePassword = "a password of these tests"
)

// newSecure makes a certificate of 127.0.0.1 and a password, files in dir, and finds a free address.
func newSecure(dir string) (*secure, error) {
	s := &secure{
		cert: filepath.Join(dir, "node.pem"), key: filepath.Join(dir, "node.key"), password: filepath.Join(dir, "admin.password"),
		authorities: x509.NewCertPool(),
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	s.authorities.AppendCertsFromPEM(public)
	err = errors.Join(
		os.WriteFile(s.cert, public, 0o600),
		os.WriteFile(s.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.WriteFile(s.password, []byte(securePassword), 0o600),
	)
	if err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.address = free.Addr().String()
	return s, free.Close()
}

// flags are those of the node.
func (s *secure) flags() []string {
	return []string{"--kafka-sasl-tls", s.address, "--tls-cert", s.cert, "--tls-key", s.key, "--kafka-admin", secureUser + ":" + s.password}
}

// options are those of its clients.
func (s *secure) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(s.address), kgo.DialTLSConfig(&tls.Config{RootCAs: s.authorities, MinVersion: tls.VersionTLS12}),
		kgo.SASL(scram.Auth{User: secureUser, Pass: securePassword}.AsSha512Mechanism()),
	}
}
