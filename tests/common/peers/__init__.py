# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of whole processes: Tandem and its real peers on loopback, on free ports.

A test is a peers.case.PeerCase, a peers.stage.Stage for its peers. What it starts is ended with it,
whatever happens.
"""
