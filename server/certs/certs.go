// Package certs is the TLS side of listeners: certificates from files, read again when the files change.
package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files name PEM files.
type Files struct {
	// Cert is the server's certificate followed by those between it and its authority; Key its private key.
	Cert, Key string
	// ClientCA are the authorities of clients' certificates, "" when clients need none.
	ClientCA string
}

// lookEvery bounds how often the files are looked at.
const lookEvery = time.Second

// fileMax bounds a file, in bytes.
const fileMax = 1 << 20

// Source gives the TLS configuration of what the files hold now. It is safe for use by many goroutines.
type Source struct {
	files Files
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex // guards what follows
	looked time.Time
	read   [3][]byte // contents of the files that current was made of
	server *tls.Config
}

// Load reads the files. Errors: a file that is missing or isn't what it should be, a key of another certificate.
func Load(files Files, now func() time.Time, log *slog.Logger) (*Source, error) {
	s := &Source{files: files, now: now, log: log}
	content, err := files.contents()
	if err != nil {
		return nil, err
	}
	if s.server, err = files.parse(content); err != nil {
		return nil, err
	}
	s.read, s.looked = content, now()
	return s, nil
}

// Config is for a listener: every connection gets the certificates of its time. With clients it demands certificates of
// Files.ClientCA.
func (s *Source) Config(clients bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := s.current()
			if clients && c.ClientCAs != nil {
				c = c.Clone()
				c.ClientAuth = tls.RequireAndVerifyClientCert
			}
			return c, nil
		},
	}
}

// current looks whether the files have changed. Files that are no good, half written for example, leave what was.
func (s *Source) current() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.looked) < lookEvery {
		return s.server
	}
	s.looked = now
	content, err := s.files.contents()
	if err == nil && same(content, s.read) {
		return s.server
	}
	if err == nil {
		var server *tls.Config
		if server, err = s.files.parse(content); err == nil {
			s.server, s.read = server, content
			s.log.Info("certificate read again", "file", s.files.Cert)
			return s.server
		}
	}
	s.log.Warn("changed certificate can't be used; the one before stays", "err", err)
	return s.server
}

func same(a, b [3][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (f Files) contents() (out [3][]byte, err error) {
	for i, name := range []string{f.Cert, f.Key, f.ClientCA} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		if info.Size() > fileMax {
			return out, fmt.Errorf("%s has more than %d bytes", name, fileMax)
		}
		if out[i], err = os.ReadFile(name); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (f Files) parse(content [3][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if f.ClientCA != "" {
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(content[2]) {
			return nil, fmt.Errorf("%s: %w", f.ClientCA, errNoCertificate)
		}
	}
	return c, nil
}

var errNoCertificate = errors.New("no certificate in PEM form")
