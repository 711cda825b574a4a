package handler

import "github.com/freshetdb/freshet/broker/wire"

// securityAPIs are the rows of the version table about who may do what: authentication, credentials and ACLs.
func (h *Handler) securityAPIs() []wire.API {
	return nil
}
