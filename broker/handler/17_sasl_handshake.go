package handler

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/wire"
)

// saslHandshake begins an authentication. After version 0 the messages of the mechanism follow as bare frames.
func (h *Handler) saslHandshake(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.SASLHandshakeRequest)
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.SupportedMechanisms = []string{}
	if offered := req.Conn.Endpoint().SASL; offered != nil {
		resp.SupportedMechanisms = offered.Mechanisms()
	}
	switch err := req.Conn.Handshake(in.Mechanism, in.Version); {
	case err == nil:
		req.Reply(resp)
	case errors.Is(err, auth.ErrMechanism):
		resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		req.ReplyAndClose(ctx, resp, err)
	default:
		resp.ErrorCode = kerr.IllegalSaslState.Code
		req.Reply(resp)
	}
}
