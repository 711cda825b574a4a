package quorum

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// newRaftLogger hands raft's warnings and errors to our log; the rest of its chatter is kept for debugging.
func newRaftLogger(log *slog.Logger) hclog.Logger {
	out := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Debug, Output: io.Discard})
	out.RegisterSink(sink{log})
	return out
}

// sink is a receiver of raft's log lines.
type sink struct{ log *slog.Logger }

// Accept passes a line on. Raft warns of a lost leadership when it is shut down: nothing anybody must act on, so its levels are ours minus one.
func (s sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	if level >= hclog.Error {
		to = slog.LevelWarn
	}
	s.log.Log(context.Background(), to, "raft: "+msg, args...) //nolint:forbidigo,sloglint // hclog hands no ctx on; the message is raft's
}
