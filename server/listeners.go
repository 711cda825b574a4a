package server

import (
	"fmt"
	"time"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/server/certs"
	"github.com/freshetdb/freshet/server/config"
)

// passwordMax bounds a password of a file, in bytes.
const passwordMax = 512

// kafkaListeners opens the sockets of the log and says who its first user is.
func (s *Server) kafkaListeners(opts *broker.Options) error {
	if err := s.openListeners(opts); err != nil {
		for _, l := range opts.Listeners {
			_ = l.Close()
		}
		for _, secure := range opts.Secure {
			for _, l := range secure.Sockets {
				_ = l.Close()
			}
		}
		return err
	}
	return nil
}

func (s *Server) openListeners(opts *broker.Options) error {
	opts.Admin = s.prepared.admin
	if err := s.plainListener(opts); err != nil {
		return err
	}
	for _, l := range s.cfg.SecureListeners() {
		secure := broker.SecureListener{Name: l.Protocol, Advertised: s.cfg.Advertised(l.Protocol)}
		if l.TLS {
			source, err := s.certificates()
			if err != nil {
				return err
			}
			secure.TLS = source.Config(l.Protocol == config.ProtocolSSL)
		}
		var err error
		if secure.Sockets, err = config.Listen(l.Address); err != nil {
			return err
		}
		*s.addrs.of(l.Protocol) = address(secure.Sockets)
		opts.Secure = append(opts.Secure, secure)
	}
	return nil
}

func (s *Server) plainListener(opts *broker.Options) error {
	if s.cfg.Kafka == config.Off {
		opts.NoListener = true
		return nil
	}
	ls, err := config.Listen(s.cfg.Kafka)
	if err != nil {
		return err
	}
	opts.Listeners, opts.Advertised = ls, s.cfg.Advertised(config.ProtocolPlaintext)
	s.addrs.Kafka = address(ls)
	return nil
}

// certificates reads the node's certificate once.
func (s *Server) certificates() (*certs.Source, error) {
	if s.certs != nil {
		return s.certs, nil
	}
	var err error
	s.certs, err = certs.Load(certs.Files{Cert: s.cfg.TLSCert, Key: s.cfg.TLSKey, ClientCA: s.cfg.TLSClientCA}, time.Now, s.log)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	return s.certs, nil
}

// of is where the address of a protocol's listener is kept.
func (a *Addresses) of(protocol string) *string {
	switch protocol {
	case config.ProtocolSSL:
		return &a.KafkaTLS
	case config.ProtocolSASL:
		return &a.KafkaSASL
	case config.ProtocolSASLSSL:
		return &a.KafkaSASLTLS
	}
	return &a.Kafka
}
