package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/server/config"
)

// dial uses a cluster as the log.
func (s *Server) dial(ctx context.Context) error {
	b := &s.cfg.Bootstrap
	opts := client.RemoteOptions{Seeds: b.List(), Prefix: b.Prefix, Installation: b.Installation, TLS: s.prepared.tls, SASL: s.prepared.login, Logger: s.log}
	remote, err := client.Dial(ctx, opts)
	if err != nil {
		return err
	}
	s.client, s.addrs.Kafka = remote, b.Servers
	s.onStop(remote.Close)
	s.log.Info("the log is a cluster", "bootstrap", b.Servers, "cluster_id", remote.ClusterID())
	return s.claim(remote.ClusterID())
}

func bootstrapTLS(b *config.Bootstrap) (*tls.Config, error) {
	if !b.TLS {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if b.TLSCA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(b.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("--bootstrap-tls-ca: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--bootstrap-tls-ca: %s holds no certificate", b.TLSCA)
	}
	return cfg, nil
}

func bootstrapLogin(b *config.Bootstrap) (*client.SASL, error) {
	mechanism, user, file, err := b.Login()
	if err != nil || mechanism == "" {
		return nil, err
	}
	password, err := readPassword(file)
	if err != nil {
		return nil, fmt.Errorf("--bootstrap-sasl: %w", err)
	}
	return &client.SASL{Mechanism: mechanism, User: user, Password: password}, nil
}

// claimed is what a data directory belongs to: its dumps are of changelogs there. Format: docs/formats/bootstrap.md.
type claimed struct {
	Cluster      string `json:"cluster"`
	Prefix       string `json:"prefix"`
	Installation string `json:"installation"`
}

// Names in the data directory.
const (
	claimFile = "bootstrap.json"
	dirLog    = "log"
)

// errForeign says that a data directory belongs to another log.
var errForeign = errors.New("the data directory belongs to another log")

// claim ties the data directory to the cluster, or refuses it.
func (s *Server) claim(cluster string) error {
	if s.lock == nil { // a test's file system, which lives as long as the test
		return nil
	}
	want := claimed{Cluster: cluster, Prefix: s.cfg.Bootstrap.Prefix, Installation: s.cfg.Bootstrap.Installation}
	path := filepath.Join(s.cfg.DataDir, claimFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		var got claimed
		if err := json.Unmarshal(text, &got); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if got != want {
			return fmt.Errorf("%w: it was used with cluster %q, prefix %q, installation %q, now they are %q, %q, %q; use another --data-dir",
				errForeign, got.Cluster, got.Prefix, got.Installation, want.Cluster, want.Prefix, want.Installation)
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Stat(filepath.Join(s.cfg.DataDir, dirLog)); err == nil {
		return fmt.Errorf("%w: %s holds a log of the node's own; use another --data-dir with --bootstrap", errForeign, s.cfg.DataDir)
	}
	if text, err = json.Marshal(want); err != nil {
		return err
	}
	return writeSynced(path, append(text, '\n'))
}

// unclaimed refuses a data directory that was used with a cluster.
func (s *Server) unclaimed() error {
	if s.lock == nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.cfg.DataDir, claimFile)); err == nil {
		return fmt.Errorf("%w: %s was used with --bootstrap; use it again, or another --data-dir", errForeign, s.cfg.DataDir)
	}
	return nil
}

// writeSynced writes a small file so that it is whole after a crash, or not there.
func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
