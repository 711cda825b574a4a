package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/broker/client"
)

// ConfigError says that a node can't be started as it was told. Nothing was opened or written then.
type ConfigError struct{ Err error }

// Error implements error.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// prepared is what the configuration names and the node needs, read before anything is opened.
type prepared struct {
	admin broker.Admin
	tls   *tls.Config  // to the cluster that is the log; nil without TLS
	login *client.SASL // there; nil when nobody logs in
}

// prepare checks everything the node was told and reads the files it was told of. Errors: *ConfigError.
func (s *Server) prepare(context.Context) error {
	if err := s.readConfigured(); err != nil {
		return &ConfigError{Err: err}
	}
	return nil
}

func (s *Server) readConfigured() (err error) {
	if err = s.cfg.Validate(); err != nil {
		return err
	}
	if s.cfg.Bootstrap.Used() {
		if s.prepared.tls, err = bootstrapTLS(&s.cfg.Bootstrap); err != nil {
			return err
		}
		s.prepared.login, err = bootstrapLogin(&s.cfg.Bootstrap)
		return err
	}
	if err := broker.CheckConfigs(s.cfg.BrokerConfigs); err != nil {
		return fmt.Errorf("--broker-config: %w", oneLine(err))
	}
	if s.cfg.TLSCert != "" {
		if _, err := s.certificates(); err != nil {
			return err
		}
	}
	return s.readAdmin()
}

// oneLine is an error without breaks.
func oneLine(err error) error { return errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")) }

func (s *Server) readAdmin() error {
	name, file := s.cfg.Admin()
	if name == "" {
		return nil
	}
	password, err := readPassword(file)
	if err != nil {
		return fmt.Errorf("--kafka-admin: password of the user %q: %w", name, err)
	}
	s.prepared.admin = broker.Admin{Name: name, Password: password}
	return nil
}

// readPassword reads a password: the file without the line's end.
func readPassword(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" || len(text) > passwordMax || strings.ContainsAny(text, "\x00\n") {
		return "", errors.New("the file must hold one line of 1 to 512 bytes")
	}
	return text, nil
}
